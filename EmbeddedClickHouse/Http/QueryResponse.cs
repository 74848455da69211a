using System.Text;
using AspireCdc.EmbeddedClickHouse.Blocks;
using AspireCdc.EmbeddedClickHouse.Engine;
using Microsoft.AspNetCore.WebUtilities;

namespace AspireCdc.EmbeddedClickHouse.Http;

/// <summary>
/// The answer to a query. Its first megabyte waits (all of it with <c>wait_end_of_query</c>), so that a query which fails soon gets a
/// status that says so; from then on it streams.
/// </summary>
internal sealed class QueryResponse : IAsyncDisposable
{
    private const int MinBuffer = 1024 * 1024;
    private const int MaxBufferInMemory = 8 * 1024 * 1024;
    private const int MaxExceptionFrame = 16 * 1024;

    private readonly HttpContext _context;
    private readonly ChdbEngine _engine;
    private readonly TimeProvider _time;
    private readonly long _startedAt;
    private readonly string _tag = new(Random.Shared.GetItems("abcdefghijklmnopqrstuvwxyz".AsSpan(), 16));
    private FileBufferingWriteStream? _buffer;
    private long _buffered;
    private readonly Stack<Stream> _layers = [];
    private readonly List<string> _progress = [];
    private Stream? _body;

    public QueryResponse(HttpContext context, ChdbEngine engine, TimeProvider time)
    {
        _context = context;
        _engine = engine;
        _time = time;
        _startedAt = time.GetTimestamp();
        var headers = context.Response.Headers;
        headers["X-ClickHouse-Server-Display-Name"] = Environment.MachineName;
        headers["X-ClickHouse-Timezone"] = engine.TimeZone;
        headers["X-ClickHouse-Exception-Tag"] = _tag;
    }

    /// <summary>What the response depends on in the request; unset until that has been read.</summary>
    public QueryRequest? Request { get; set; }

    private long Limit => Request is { WaitEndOfQuery: true } ? long.MaxValue : Math.Max(MinBuffer, Request?.BufferSize ?? 0);

    /// <summary>False once the headers have gone out.</summary>
    public bool AddProgress(string progress)
    {
        lock (_progress)
        {
            if (_body is null)
                _progress.Add(progress);
            return _body is null;
        }
    }

    public void SetFormat(string format)
    {
        _context.Response.Headers["X-ClickHouse-Format"] = format;
        _context.Response.ContentType = OutputFormat.ContentType(format);
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellation)
    {
        if (_body is null)
        {
            if (_buffered + data.Length <= Limit)
            {
                _buffer ??= new FileBufferingWriteStream(MaxBufferInMemory);
                await _buffer.WriteAsync(data, cancellation);
                _buffered += data.Length;
                return;
            }

            await StartAsync(default, cancellation);
        }

        await _body!.WriteAsync(data, cancellation);
    }

    /// <summary>Ends the answer of a query that succeeded.</summary>
    public async Task CompleteAsync(QueryStatistics statistics, CancellationToken cancellation)
    {
        if (_body is null)
            await StartAsync(statistics, cancellation, _buffered);
        await EndBodyAsync();
    }

    /// <summary>
    /// Answers with an error. Once rows have gone out, its text follows them in ClickHouse's frame, and the connection is closed without
    /// the end of the response, so that no client takes the rows for all of them.
    /// </summary>
    public async Task FailAsync(ClickHouseException error, CancellationToken cancellation)
    {
        var text = $"{error.Message} (version {_engine.Version} (official build))\n";
        if (_body is null)
        {
            var response = _context.Response;
            response.StatusCode = ErrorStatus.Of(error.Code);
            response.ContentType = "text/plain; charset=UTF-8";
            response.Headers["X-ClickHouse-Exception-Code"] = error.Code.ToString();
            SetQueryHeaders(default);
            var body = Encoding.UTF8.GetBytes(text);
            response.ContentLength = body.Length;
            await response.Body.WriteAsync(body, cancellation);
            return;
        }

        if (text.Length > MaxExceptionFrame / 4)
            text = text[..(MaxExceptionFrame / 4)] + "\n";
        await _body.WriteAsync(
            Encoding.UTF8.GetBytes($"\r\n__exception__\r\n{_tag}\r\n{text}{Encoding.UTF8.GetByteCount(text)} {_tag}\r\n__exception__\r\n"),
            cancellation);
        await EndBodyAsync();
        await _context.Response.Body.FlushAsync(cancellation);
        throw new ResponseCutShortException();
    }

    public async ValueTask DisposeAsync()
    {
        if (_buffer is not null)
            await _buffer.DisposeAsync();
    }

    private async Task StartAsync(QueryStatistics statistics, CancellationToken cancellation, long? length = null)
    {
        SetQueryHeaders(statistics);
        var response = _context.Response;
        _body = response.Body;
        if (Request is { AllowCompression: true } request && _buffered > 0 && ResponseCompression.Choose(_context.Request) is { } coding)
        {
            response.Headers.ContentEncoding = coding;
            AddLayer(ResponseCompression.Compress(_body, coding, request.CompressionLevel));
        }

        if (Request is { CompressBlocks: true })
            AddLayer(new BlockWriter(_body));
        if (_layers.Count == 0)
            response.ContentLength = length;

        if (_buffer is not null)
            await _buffer.DrainBufferAsync(_body, cancellation);
    }

    private void AddLayer(Stream layer)
    {
        _layers.Push(layer);
        _body = layer;
    }

    /// <summary>A compressed body has an end of its own.</summary>
    private async Task EndBodyAsync()
    {
        while (_layers.TryPop(out var layer))
            await layer.DisposeAsync();
    }

    private void SetQueryHeaders(QueryStatistics s)
    {
        var elapsed = (long)_time.GetElapsedTime(_startedAt).TotalNanoseconds;
        var headers = _context.Response.Headers;
        // A header holds no other characters, and a client that has chosen them knows its id.
        if (Request is not null && Request.QueryId.All(c => c is >= ' ' and <= '~'))
            headers["X-ClickHouse-Query-Id"] = Request.QueryId;
        lock (_progress)
        {
            if (_progress.Count > 0)
                headers["X-ClickHouse-Progress"] = _progress.ToArray();
        }

        headers["X-ClickHouse-Summary"] =
            $$"""{"read_rows":"{{s.ReadRows}}","read_bytes":"{{s.ReadBytes}}","written_rows":"{{s.WrittenRows}}","written_bytes":"{{s.WrittenBytes}}","total_rows_to_read":"0","result_rows":"{{s.ResultRows}}","result_bytes":"{{s.ResultBytes}}","elapsed_ns":"{{elapsed}}"}""";
    }
}
