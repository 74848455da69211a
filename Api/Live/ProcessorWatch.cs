using System.Net.ServerSentEvents;
using System.Text.Json;
using AspireCdc.Api.Live.Feed;

namespace AspireCdc.Api.Live;

/// <summary>The change processor, which tells by itself what it does; the end of what it says is the end of the processor.</summary>
internal sealed class ProcessorWatch(ProcessorClient processor, TimeProvider time) : ILiveWatch
{
    private const string Name = "processor";

    /// <summary>It speaks twice a second at least.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(4), TryAgain = TimeSpan.FromMilliseconds(200);

    public async Task WatchAsync(LiveFeed feed, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await FollowAsync(feed, cancellationToken);
                Tell("The processor has ended.");
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                Tell($"The processor does not answer within {Silence.TotalSeconds} s.");
            }
            catch (Exception e) when (e is HttpRequestException or IOException or JsonException)
            {
                Tell(e is HttpRequestException { StatusCode: null } ? $"No processor answers: {e.GetBaseException().Message}"
                    : $"The processor cannot be asked: {e.Message}");
            }
            await Task.Delay(TryAgain, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        void Tell(string problem)
        {
            if (!cancellationToken.IsCancellationRequested)
                feed.Publish(Name, new { problem });
        }
    }

    private async Task FollowAsync(LiveFeed feed, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Silence);
        using var flow = await processor.FollowAsync(patience.Token);
        await foreach (var news in SseParser.Create(await flow.Content.ReadAsStreamAsync(patience.Token)).EnumerateAsync(patience.Token))
        {
            patience.CancelAfter(Silence);
            feed.Publish(Name, JsonElement.Parse(news.Data));
        }
    }
}
