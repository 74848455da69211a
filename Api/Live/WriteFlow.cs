using AspireCdc.Api.Live.Feed;
using AspireCdc.Api.Live.Load;
using AspireCdc.ServiceDefaults;

namespace AspireCdc.Api.Live;

/// <summary>Counts the writes that succeed, and how long each took from its request until its answer.</summary>
internal sealed class WriteFlow(TimeProvider time)
{
    /// <summary>The writes of the last minute.</summary>
    public RecentFlow Writes { get; } = new(time);

    public static void Use(WebApplication app)
    {
        var flow = app.Services.GetRequiredService<WriteFlow>();
        var time = app.Services.GetRequiredService<TimeProvider>();
        app.Use(async (http, next) =>
        {
            if (!IsWrite(http.Request))
            {
                await next(http);
                return;
            }

            var began = time.GetTimestamp();
            await next(http);
            if (http.Response.StatusCode >= 300)
                return;
            flow.Writes.Count(1);
            flow.Writes.Took(time.GetElapsedTime(began));
        });
    }

    private static bool IsWrite(HttpRequest request) =>
        !HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method) && !HttpMethods.IsOptions(request.Method)
        && (request.Path.StartsWithSegments("/api") || request.Path.StartsWithSegments(Envelope.Prefix));
}

/// <summary>The API itself: its writes, and the load that it is asked to make.</summary>
internal sealed class ApiWatch(WriteFlow flow, ShopLoad load, TimeProvider time) : ILiveWatch
{
    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(500);

    public async Task WatchAsync(LiveFeed feed, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Often, time);
        do
            feed.Publish("api", new { writes = flow.Writes.Read(), load = load.Report });
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }
}
