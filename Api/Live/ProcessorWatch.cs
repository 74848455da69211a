using System.Net.ServerSentEvents;
using System.Text.Json;
using AspireCdc.Api.Live.Feed;

namespace AspireCdc.Api.Live;

/// <summary>A change processor, or a connector, which tells by itself what it does; the end of what it says is the end of it.</summary>
/// <param name="name">What it is called on the page.</param>
/// <param name="processor">It.</param>
/// <param name="time">The clock.</param>
internal sealed class ProcessorWatch(string name, ProcessorClient processor, TimeProvider time) : ILiveWatch
{
    /// <summary>It speaks twice a second at least.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(4), TryAgain = TimeSpan.FromMilliseconds(200);

    public async Task WatchAsync(LiveFeed feed, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await FollowAsync(feed, cancellationToken);
                Tell($"The {name} has ended.");
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                Tell($"The {name} does not answer within {Silence.TotalSeconds} s.");
            }
            catch (Exception e) when (e is HttpRequestException or IOException or JsonException)
            {
                Tell(e is HttpRequestException { StatusCode: null }
                    ? $"No {name} answers: {e.GetBaseException().Message}" : $"The {name} cannot be asked: {e.Message}");
            }
            await Task.Delay(TryAgain, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        void Tell(string problem)
        {
            if (!cancellationToken.IsCancellationRequested)
                feed.Publish(name, new { problem });
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
            feed.Publish(name, JsonElement.Parse(news.Data));
        }
    }
}
