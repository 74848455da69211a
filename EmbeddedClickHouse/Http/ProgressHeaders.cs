using System.Globalization;
using AspireCdc.EmbeddedClickHouse.Engine;

namespace AspireCdc.EmbeddedClickHouse.Http;

/// <summary>
/// Collects <c>X-ClickHouse-Progress</c> while a query runs and no byte of its response has gone out. (ClickHouse sends each as it comes;
/// a web server
/// sends its headers once.)
/// </summary>
internal sealed class ProgressHeaders : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _collecting;

    private ProgressHeaders(
        ChdbEngine engine, ChdbConnection connection, QueryRequest request, QueryResponse response, TimeProvider time) =>
        _collecting = CollectAsync(engine, connection, request, response, time, _stop.Token);

    public static ProgressHeaders Collect(
        ChdbEngine engine, ChdbConnection connection, QueryRequest request, QueryResponse response, TimeProvider time) =>
        new(engine, connection, request, response, time);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _collecting;
        _stop.Dispose();
    }

    private static async Task CollectAsync(
        ChdbEngine engine, ChdbConnection connection, QueryRequest request, QueryResponse response, TimeProvider time,
        CancellationToken stop)
    {
        var begin = time.GetTimestamp();
        using var timer = new PeriodicTimer(request.ProgressInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                if (await engine.ProgressAsync(connection) is not [var rows, var bytes, var total, var written, var writtenBytes])
                    continue;
                var elapsed = ((long)time.GetElapsedTime(begin).TotalNanoseconds).ToString(CultureInfo.InvariantCulture);
                if (!response.AddProgress(
                    $$"""{"read_rows":"{{rows}}","read_bytes":"{{bytes}}","written_rows":"{{written}}","written_bytes":"{{writtenBytes}}","total_rows_to_read":"{{total}}","elapsed_ns":"{{elapsed}}"}"""))
                    return;
            }
        }
        catch (OperationCanceledException)
        {
            // The query has ended.
        }
    }
}
