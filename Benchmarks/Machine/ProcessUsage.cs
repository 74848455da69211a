using System.ComponentModel;
using System.Diagnostics;

namespace AspireCdc.Benchmarks.Machine;

/// <summary>What a process has used so far.</summary>
/// <param name="Cpu">Processor time, user and system.</param>
/// <param name="PeakMb">The most memory it ever had (Linux: VmHWM), in MB.</param>
/// <param name="ResidentMb">What it has now, in MB.</param>
internal readonly record struct ProcessUsage(TimeSpan Cpu, double PeakMb, double ResidentMb)
{
    /// <summary>Null when the process has ended.</summary>
    public static ProcessUsage? Of(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            return new(process.TotalProcessorTime, process.PeakWorkingSet64 / 1e6, process.WorkingSet64 / 1e6);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception)
        {
            return null;
        }
    }
}
