using AspireCdc.Api.Analytics;
using AspireCdc.Api.Live.Feed;

namespace AspireCdc.Api.Live;

/// <summary>
/// What PostgreSQL should not be asked while it takes orders: sums over every line ever sold, once a second at most, by the same questions
/// as <c>/api/analytics</c>.
/// </summary>
internal sealed class RevenueWatch(SalesReader sales, TimeProvider time) : ILiveWatch
{
    private const string Name = "revenue";
    private const int Most = 30;

    public Task WatchAsync(LiveFeed feed, CancellationToken cancellationToken) => Looking.RepeatAsync(
        "ClickHouse", TimeSpan.FromSeconds(1), time,
        async patience => feed.Publish(Name, await ReadAsync(patience)),
        (problem, _) => feed.Publish(Name, new { problem }),
        cancellationToken);

    private async Task<LiveRevenue> ReadAsync(CancellationToken cancellationToken)
    {
        var everything = Selection.Since(null, Most);
        var now = time.GetUtcNow().UtcDateTime;
        var lastMinutes = Selection.Since(now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMinute)).AddMinutes(1 - Most), Most);
        return new(
            Sums(await sales.ByCountryAsync(everything, cancellationToken), country => new(country.Country, country.Revenue)),
            Sums(await sales.ByCategoryAsync(everything, cancellationToken), category => new(category.Category, category.Revenue)),
            Sums(await sales.ByMinuteAsync(lastMinutes, cancellationToken), minute => new($"{minute.Minute:s}Z", minute.Revenue)));
    }

    private static RevenueSums Sums<T>(QueryAnswer<T> answer, Func<T, RevenueSum> toSum) =>
        new([.. answer.Rows.Select(toSum)], Math.Round(answer.Took.TotalMilliseconds, 1), answer.RowsRead);
}

/// <summary>Revenue in three ways.</summary>
internal sealed record LiveRevenue(RevenueSums Country, RevenueSums Category, RevenueSums Minute);

/// <summary>One query's answer.</summary>
/// <param name="Sums">The sums with their names; minutes as UTC times, newest first.</param>
/// <param name="Milliseconds">What ClickHouse needed for it.</param>
/// <param name="Rows">The rows that it read.</param>
internal sealed record RevenueSums(IReadOnlyList<RevenueSum> Sums, double Milliseconds, long Rows);

/// <summary>The revenue of one country, category or minute.</summary>
internal sealed record RevenueSum(string Of, decimal Revenue);
