using OpenTelemetry;

namespace AspireCdc.Api.Live.Feed;

/// <summary>Lets the watches run while a page is open.</summary>
internal sealed class LiveWatching(LiveFeed feed, IEnumerable<ILiveWatch> watches) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // To look several times a second is no work that a trace should tell of.
        using var quiet = SuppressInstrumentationScope.Begin();
        while (!stoppingToken.IsCancellationRequested)
        {
            await feed.WatchedAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stoppingToken.IsCancellationRequested)
                return;
            using var watching = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            var all = Task.WhenAll(watches.Select(watch => watch.WatchAsync(feed, watching.Token)));
            await Task.WhenAny(all, feed.LeftAsync(stoppingToken));
            await watching.CancelAsync();
            await all.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
