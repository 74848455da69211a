using AspireCdc.Api.Live.Feed;

namespace AspireCdc.Api.Live;

/// <summary>
/// What PostgreSQL should not be asked while it takes orders: sums over every line ever sold, read from the star once a second.
/// </summary>
internal sealed class RevenueWatch(StarReader star, TimeProvider time) : ILiveWatch
{
    private const string Name = "revenue";

    public async Task WatchAsync(LiveFeed feed, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), time);
        do
        {
            try
            {
                feed.Publish(Name, await star.ReadRevenueAsync(cancellationToken));
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                feed.Publish(Name, new { problem = $"ClickHouse cannot be asked: {e.GetBaseException().Message}" });
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }
}

/// <summary>Revenue in three ways.</summary>
internal sealed record LiveRevenue(RevenueSums Country, RevenueSums Category, RevenueSums Minute);

/// <summary>One query's answer.</summary>
/// <param name="Sums">The sums with their names; minutes as UTC times, oldest first.</param>
/// <param name="Milliseconds">What ClickHouse needed for it.</param>
/// <param name="Rows">The rows that it read.</param>
internal sealed record RevenueSums(IReadOnlyList<RevenueSum> Sums, double Milliseconds, long Rows);

/// <summary>The revenue of one country, category or minute.</summary>
internal sealed record RevenueSum(string Of, decimal Revenue);
