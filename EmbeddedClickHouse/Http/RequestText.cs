using System.Buffers;
using System.Text;
using AspireCdc.EmbeddedClickHouse.Engine;
using AspireCdc.EmbeddedClickHouse.Sql;

namespace AspireCdc.EmbeddedClickHouse.Http;

/// <summary>
/// The text of a query: the URL's part, a line break, and the body's. Of an INSERT only as much of the body
/// is read as shows where its data begin.
/// </summary>
internal sealed class RequestText : IDisposable
{
    private const int FirstRead = 64 * 1024;
    private const int MaxLength = 256 * 1024 * 1024;

    private byte[] _buffer;
    private int _length;

    private RequestText(byte[] buffer) => _buffer = buffer;

    public Statement Statement { get; private set; } = null!;

    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <summary>What has been read of an INSERT's data; the rest is still in the body.</summary>
    public ReadOnlyMemory<byte> DataRead => Bytes[Statement.DataStart..];

    /// <summary>The text without data that follow it.</summary>
    public ReadOnlySpan<byte> StatementBytes =>
        Statement.Kind is StatementKind.Insert or StatementKind.InsertFromInput ? Bytes.Span[..Statement.DataStart] : Bytes.Span;

    /// <summary>Changes parts of the statement, which are given in their order.</summary>
    public void Apply(IReadOnlyList<Edit> edits)
    {
        if (edits.Count == 0)
            return;
        var changed = new ArrayBufferWriter<byte>(_length + edits.Sum(edit => edit.Text.Length * 3));
        var from = 0;
        foreach (var (part, text) in edits)
        {
            changed.Write(Bytes.Span[from..part.Start.Value]);
            Encoding.UTF8.GetBytes(text, changed);
            from = part.End.Value;
        }

        changed.Write(Bytes.Span[from..]);
        var buffer = ArrayPool<byte>.Shared.Rent(changed.WrittenCount + 1);
        changed.WrittenSpan.CopyTo(buffer);
        ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _length) = (buffer, changed.WrittenCount);
        Statement = StatementParser.Parse(Bytes.Span, complete: true)!;
    }

    public static async Task<RequestText> ReadAsync(string query, Stream body, CancellationToken cancellation)
    {
        var text = new RequestText(ArrayPool<byte>.Shared.Rent(Math.Max(FirstRead, Encoding.UTF8.GetMaxByteCount(query.Length) + 1)));
        try
        {
            await text.ReadStatementAsync(query, body, cancellation);
            return text;
        }
        catch
        {
            text.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    private async Task ReadStatementAsync(string query, Stream body, CancellationToken cancellation)
    {
        if (query.Length > 0)
        {
            _length = Encoding.UTF8.GetBytes(query, _buffer);
            _buffer[_length++] = (byte)'\n';
        }

        while (true)
        {
            if (_length == _buffer.Length)
                Grow();
            var wanted = _buffer.AsMemory(_length);
            var read = await body.ReadAtLeastAsync(wanted, wanted.Length, throwOnEndOfStream: false, cancellation);
            _length += read;
            if (StatementParser.Parse(Bytes.Span, complete: read < wanted.Length) is { } statement)
            {
                Statement = statement;
                return;
            }
        }
    }

    private void Grow()
    {
        if (_length >= MaxLength)
            throw ClickHouseException.Raise(
                ErrorCode.QueryIsTooLarge, "QUERY_IS_TOO_LARGE", $"The text of the query is longer than {MaxLength} bytes");
        var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        Bytes.CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
