using AspireCdc.Api.Analytics;
using AspireCdc.Api.Live.Feed;
using NpgsqlTypes;

namespace AspireCdc.Api.Live;

/// <summary>The destination: the newest rows of the star, and how far it has followed.</summary>
internal sealed class ClickHouseWatch(StarReader star, AppliedPosition position, TimeProvider time) : ILiveWatch
{
    private const string Name = "clickHouse";

    public Task WatchAsync(LiveFeed feed, CancellationToken cancellationToken) => Looking.RepeatAsync(
        "ClickHouse", Looking.Often, time,
        async patience => feed.Publish(Name, await ReadAsync(patience)),
        (problem, hangs) => feed.Publish(Name, new LiveDatabase(null, Problem: problem, Hangs: hangs)),
        cancellationToken);

    private async Task<LiveDatabase> ReadAsync(CancellationToken cancellationToken)
    {
        // Before the rows, so that they are as new as what is said of them.
        var applied = await position.ReadAsync(cancellationToken);
        return new LiveDatabase(await star.ReadNewestAsync(LiveRows.Shown, cancellationToken))
        {
            Applied = applied.Lsn == NpgsqlLogSequenceNumber.Invalid ? null : applied.Lsn.ToString(),
        };
    }
}
