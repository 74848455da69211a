using System.Globalization;
using System.Runtime.InteropServices;

namespace AspireCdc.Benchmarks.Machine;

/// <summary>What a figure depends on and does not show: the machine, and how busy it was when the run began.</summary>
internal sealed record MachineState(
    string System, string Runtime, string Processor, int Cores, double MemoryGb, double? Load, DateTimeOffset At)
{
    public static MachineState Now() => new(
        RuntimeInformation.OSDescription,
        RuntimeInformation.FrameworkDescription,
        ProcessorName(),
        Environment.ProcessorCount,
        Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9, 1),
        LoadAverage(),
        DateTimeOffset.Now);

    /// <summary>The load of the last minute; null where the system does not tell it as a file.</summary>
    public static double? LoadAverage() =>
        File.Exists("/proc/loadavg") ? double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture) : null;

    private static string ProcessorName()
    {
        if (!File.Exists("/proc/cpuinfo"))
            return RuntimeInformation.ProcessArchitecture.ToString();
        var model = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal));
        return model?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
