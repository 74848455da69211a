using AspireCdc.Benchmarks.Machine;

namespace AspireCdc.Benchmarks.Api;

/// <summary>What one contender did in one round.</summary>
/// <param name="PerSecond">Requests, or pgbench's transactions.</param>
/// <param name="P50">Milliseconds.</param>
/// <param name="P99">Milliseconds.</param>
internal sealed record Measurement(double PerSecond, double P50, double P99)
{
    /// <summary>How many requests there were.</summary>
    public int Requests { get; private init; }

    /// <summary>Milliseconds of processor time that one of them has taken.</summary>
    public CpuShares Cpu { get; init; } = new(0, 0, 0);

    public static Measurement Of(IReadOnlyCollection<double> milliseconds, double seconds) =>
        new(milliseconds.Count / seconds, Statistics.Percentile(milliseconds, 0.50), Statistics.Percentile(milliseconds, 0.99))
        {
            Requests = milliseconds.Count,
        };
}
