namespace AspireCdc.Api.Live.Feed;

/// <summary>Reads one part of the system and publishes what it finds, until it is cancelled.</summary>
internal interface ILiveWatch
{
    /// <summary>Watches for as long as a page is open.</summary>
    Task WatchAsync(LiveFeed feed, CancellationToken cancellationToken);
}
