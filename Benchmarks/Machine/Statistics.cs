namespace AspireCdc.Benchmarks.Machine;

/// <summary>The few numbers that a report needs.</summary>
internal static class Statistics
{
    /// <summary>Nearest rank: the smallest value that <paramref name="share"/> of all values do not exceed.</summary>
    public static double Percentile(IReadOnlyCollection<double> values, double share)
    {
        var sorted = values.Order().ToArray();
        return sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Length) - 1, 0, sorted.Length - 1)];
    }

    public static double Median(IReadOnlyCollection<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
