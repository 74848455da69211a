using AspireCdc.Api.Live.Feed;

namespace AspireCdc.Api.Live;

/// <summary>The destination: the newest rows of the star.</summary>
internal sealed class ClickHouseWatch(StarReader star, TimeProvider time) : ILiveWatch
{
    private const string Name = "clickHouse";

    public Task WatchAsync(LiveFeed feed, CancellationToken cancellationToken) => Looking.RepeatAsync(
        "ClickHouse", time,
        async patience => feed.Publish(Name, new LiveDatabase(await star.ReadNewestAsync(LiveRows.Shown, patience))),
        (problem, hangs) => feed.Publish(Name, new LiveDatabase(null, Problem: problem, Hangs: hangs)),
        cancellationToken);
}
