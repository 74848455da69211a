namespace AspireCdc.ServiceDefaults;

/// <summary>
/// What has happened in each of the last <see cref="Seconds"/> seconds: how many events, and how long some of them took. In constant
/// memory, for whoever watches; metrics are for what must be kept.
/// </summary>
public sealed class RecentFlow(TimeProvider time)
{
    /// <summary>The period that is remembered, in seconds.</summary>
    public const int Seconds = 60;

    /// <summary>Buckets of durations grow by this factor, so a percentile is at most 4 % off.</summary>
    private const double Growth = 1.08;

    private const double SmallestMilliseconds = 0.05, LargestMilliseconds = 120_000;
    private static readonly int Buckets = (int)Math.Round(Math.Log(LargestMilliseconds / SmallestMilliseconds, Growth)) + 1;

    private readonly Lock _lock = new();
    private readonly Second[] _seconds = [.. Enumerable.Range(0, Seconds + 1).Select(_ => new Second())];
    private readonly long _began = time.GetTimestamp();
    private long _total;
    private double? _last;

    /// <summary>Counts events that have just happened.</summary>
    public void Count(long events)
    {
        lock (_lock)
        {
            Current().Events += events;
            _total += events;
        }
    }

    /// <summary>Remembers how long something took that has just ended.</summary>
    public void Took(TimeSpan duration)
    {
        lock (_lock)
        {
            Current().Durations[BucketOf(duration.TotalMilliseconds)]++;
            _last = Math.Round(duration.TotalMilliseconds, 1);
        }
    }

    /// <summary>The last <see cref="Seconds"/> whole seconds, oldest first, and all of them together.</summary>
    public FlowSummary Read()
    {
        lock (_lock)
        {
            var now = Now;
            var whole = new int[Buckets];
            var points = new FlowPoint[Seconds];
            for (var i = 0; i < Seconds; i++)
            {
                var at = now - Seconds + i;
                var second = at < 0 ? null : _seconds[at % _seconds.Length];
                if (second is null || second.At != at)
                {
                    points[i] = new(0, null, null, null);
                    continue;
                }
                points[i] = new(second.Events, Percentile(second.Durations, 0.5), Percentile(second.Durations, 0.95),
                    Percentile(second.Durations, 0.99));
                for (var bucket = 0; bucket < Buckets; bucket++)
                    whole[bucket] += second.Durations[bucket];
            }
            return new(_total, points[^1].Events, _last, Percentile(whole, 0.5), Percentile(whole, 0.95), Percentile(whole, 0.99), points);
        }
    }

    private long Now => (long)time.GetElapsedTime(_began).TotalSeconds;

    private Second Current()
    {
        var now = Now;
        var second = _seconds[now % _seconds.Length];
        if (second.At != now)
            second.Clear(now);
        return second;
    }

    private static int BucketOf(double milliseconds) =>
        milliseconds <= SmallestMilliseconds ? 0 : Math.Min((int)Math.Round(Math.Log(milliseconds / SmallestMilliseconds, Growth)),
            Buckets - 1);

    private static double? Percentile(int[] durations, double share)
    {
        var rank = (long)Math.Ceiling(durations.Sum(count => (long)count) * share);
        if (rank == 0)
            return null;
        var bucket = 0;
        for (var seen = (long)durations[0]; seen < rank; seen += durations[bucket])
            bucket++;
        return Math.Round(SmallestMilliseconds * Math.Pow(Growth, bucket), 2);
    }

    private sealed class Second
    {
        public long At { get; private set; } = -1;

        public long Events { get; set; }

        public int[] Durations { get; } = new int[Buckets];

        public void Clear(long at)
        {
            (At, Events) = (at, 0);
            Array.Clear(Durations);
        }
    }
}

/// <summary>One second.</summary>
/// <param name="Events">How many events it had.</param>
/// <param name="P50">Half of what ended in it took no longer, in milliseconds; null where nothing ended.</param>
/// <param name="P95">95 % of it, likewise.</param>
/// <param name="P99">99 % of it, likewise.</param>
public sealed record FlowPoint(long Events, double? P50, double? P95, double? P99);

/// <summary>The seconds that are remembered.</summary>
/// <param name="Total">All events since the process began.</param>
/// <param name="Rate">Events of the last whole second.</param>
/// <param name="Last">How long what ended last took, in milliseconds; null before anything did.</param>
/// <param name="P50">Half of what ended in the period took no longer, in milliseconds; null where nothing ended.</param>
/// <param name="P95">95 % of it, likewise.</param>
/// <param name="P99">99 % of it, likewise.</param>
/// <param name="Points">Each whole second, oldest first.</param>
public sealed record FlowSummary(
    long Total, long Rate, double? Last, double? P50, double? P95, double? P99, IReadOnlyList<FlowPoint> Points);
