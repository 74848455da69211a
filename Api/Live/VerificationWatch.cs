using System.Text.Json;
using AspireCdc.Api.Live.Feed;

namespace AspireCdc.Api.Live;

/// <summary>The comparison of ClickHouse with PostgreSQL that runs, or the last one, which the processor keeps in memory.</summary>
internal sealed class VerificationWatch(
    [FromKeyedServices(ProcessorClient.Processor)] ProcessorClient processor, TimeProvider time) : ILiveWatch
{
    private const string Name = "verification";

    public async Task WatchAsync(LiveFeed feed, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), time);
        do
        {
            try
            {
                feed.Publish(Name, await processor.ReadVerificationAsync(cancellationToken));
            }
            catch (Exception e) when (e is HttpRequestException or JsonException)
            {
                // That the processor is away its own watch tells; what it compared last stays on the page.
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }
}
