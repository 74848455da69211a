using AspireCdc.Benchmarks.Machine;

namespace AspireCdc.Benchmarks.Cdc;

/// <summary>All figures of a run, as they go into the JSON file.</summary>
internal sealed record CdcReport(
    MachineState Machine,
    IReadOnlyDictionary<string, string> Versions,
    long Changes,
    int Rounds,
    int Commits,
    double WorkloadSeconds,
    IReadOnlyList<ContenderReport> Contenders)
{
    public double? LoadAtEnd { get; init; }
}

/// <param name="Skipped">Why it did not take part.</param>
internal sealed record ContenderReport(string Key, string Name, string Work, string? Skipped, List<DrainFigures> Drains)
{
    public LatencyFigures? Latency { get; set; }

    /// <summary>The same for large rows.</summary>
    public LatencyFigures? LargeRow { get; set; }

    /// <summary>The drains that count: nothing was lost in them.</summary>
    public IEnumerable<DrainFigures> Whole => Drains.Where(drain => drain.Failure is null);

    public double? Median(Func<DrainFigures, double?> figure) =>
        Whole.Select(figure).OfType<double>().ToArray() is { Length: > 0 } values ? Statistics.Median(values) : null;
}

/// <summary>One drain.</summary>
/// <param name="Round">Counted from 1.</param>
/// <param name="Seconds">From the slot's first use to the last change's arrival.</param>
/// <param name="SecondsWithStart">The same from the start of the processes.</param>
/// <param name="ChangesPerSecond">Of <paramref name="Seconds"/>.</param>
/// <param name="SenderCpuSeconds">The server's process behind the slot.</param>
/// <param name="Processes">The contender's own.</param>
/// <param name="Failure">Why this is no figure; null where everything arrived whole.</param>
internal sealed record DrainFigures(
    int Round,
    double Seconds,
    double SecondsWithStart,
    double ChangesPerSecond,
    double SenderCpuSeconds,
    IReadOnlyDictionary<string, ProcessFigures> Processes,
    string? Failure);

/// <param name="CpuSeconds">Since the slot came into use, until the last change had arrived.</param>
/// <param name="StartCpuSeconds">Before that; 0 where there is no slot, and all counts.</param>
/// <param name="PeakMb">The most memory it ever had.</param>
/// <param name="ResidentMb">What it has in the end.</param>
internal sealed record ProcessFigures(double CpuSeconds, double StartCpuSeconds, double PeakMb, double ResidentMb);

/// <summary>From the answer to a commit until its row is visible, in milliseconds.</summary>
internal sealed record LatencyFigures(
    int Commits, double P50, double P90, double P99, double Most, IReadOnlyDictionary<string, ProcessFigures> Processes, string? Failure);
