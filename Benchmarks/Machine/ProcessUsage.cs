using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

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
            var (peak, resident) = OperatingSystem.IsLinux() ? MemoryOf(pid) : (process.PeakWorkingSet64, process.WorkingSet64);
            return new(process.TotalProcessorTime, peak / 1e6, resident / 1e6);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception or IOException)
        {
            return null;
        }
    }

    /// <summary>
    /// VmHWM and VmRSS of <c>/proc/pid/status</c>, in bytes. <see cref="Process"/> would read of each thread as well, and a database has
    /// hundreds.
    /// </summary>
    private static (long Peak, long Resident) MemoryOf(int pid)
    {
        var lines = File.ReadAllLines($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/status");
        return (Of("VmHWM:"), Of("VmRSS:"));

        // "VmRSS:     123 kB"; a process that has ended and is not waited for yet has no such line
        long Of(string name) => lines.FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal)) is { } line
            ? long.Parse(line.AsSpan(name.Length, line.Length - name.Length - " kB".Length), CultureInfo.InvariantCulture) * 1024
            : 0;
    }
}
