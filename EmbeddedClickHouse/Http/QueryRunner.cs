using System.Buffers;
using System.IO.Pipes;
using System.Text;
using AspireCdc.EmbeddedClickHouse.Engine;
using AspireCdc.EmbeddedClickHouse.Sql;

namespace AspireCdc.EmbeddedClickHouse.Http;

/// <summary>Carries out one statement on one connection, between a request's body and its response.</summary>
internal sealed class QueryRunner(ChdbEngine engine, ChdbConnection connection, QueryRequest request, QueryResponse response)
{
    private const int CopySize = 256 * 1024;
    private const int InsertSize = 1024 * 1024;

    /// <summary>Data in Values of this length and more, in bytes, are literals only.</summary>
    private const int LongestEvaluated = 16 * 1024 * 1024;

    public async Task<QueryStatistics> RunAsync(RequestText text, Stream body, CancellationToken cancellation) => text.Statement.Kind switch
    {
        StatementKind.Select => await SelectAsync(text, cancellation),
        StatementKind.Insert => await InsertAsync(text, body, cancellation),
        StatementKind.InsertFromInput => await InsertFromInputAsync(text, body, cancellation),
        _ => await CommandAsync(text, cancellation),
    };

    private string Format(Statement statement)
    {
        var format = statement.Format ?? request.DefaultFormat ?? OutputFormat.Default;
        return OutputFormat.IsName(format)
            ? format
            : throw ClickHouseException.Raise(ErrorCode.UnknownFormat, "UNKNOWN_FORMAT", $"Unknown format {format}");
    }

    private QueryParameter[] Parameters => [.. request.Parameters];

    /// <summary>
    /// The engine writes the result into a pipe, as a client's INTO OUTFILE, and so every format comes out whole and in constant memory.
    /// (Its own streaming interface makes each block a document of its own, with a header each.)
    /// </summary>
    private async Task<QueryStatistics> SelectAsync(RequestText text, CancellationToken cancellation)
    {
        var format = Format(text.Statement);
        response.SetFormat(format);
        var written = 0L;
        byte[] unpiped = [];
        await using var pipe = new AnonymousPipeServerStream(PipeDirection.In);
        var sql = WriteInto(text, pipe, format);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var query = engine.RunAsync(
            connection,
            () =>
            {
                try
                {
                    (unpiped, var statistics) = connection.Query(sql, format, Parameters);
                    return statistics;
                }
                finally
                {
                    pipe.DisposeLocalCopyOfClientHandle(); // the pipe's end for its reader
                }
            },
            stop.Token);
        try
        {
            written = await CopyAsync(pipe, cancellation);
        }
        catch
        {
            await stop.CancelAsync();
            await pipe.DisposeAsync(); // wakes an engine that waits to write
            await Swallow(query);
            throw;
        }

        try
        {
            var statistics = await query;
            // none, unless the engine did not take what stands behind the statement for its part
            await response.WriteAsync(unpiped, cancellation);
            return statistics with { ResultBytes = Math.Max(statistics.ResultBytes, (ulong)written) };
        }
        catch (ClickHouseException e) when (e.Code == ErrorCode.SyntaxError && written == 0)
        {
            // The client wants to read of its own text, not of the one with the pipe in it.
            return await CommandAsync(text, cancellation);
        }
    }

    private static byte[] WriteInto(RequestText text, AnonymousPipeServerStream pipe, string format)
    {
        var statement = text.Statement;
        var into = Encoding.ASCII.GetBytes($"\nINTO OUTFILE '{Path(pipe)}' APPEND FORMAT {format}\n");
        return [.. text.Bytes.Span[..statement.BodyEnd], .. into, .. text.Bytes.Span[statement.Tail]];
    }

    private async Task<long> CopyAsync(Stream source, CancellationToken cancellation)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(CopySize);
        try
        {
            var written = 0L;
            int read;
            while ((read = await source.ReadAsync(buffer, cancellation)) > 0)
            {
                await response.WriteAsync(buffer.AsMemory(0, read), cancellation);
                written += read;
            }

            return written;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task<QueryStatistics> CommandAsync(RequestText text, CancellationToken cancellation)
    {
        var format = Format(text.Statement);
        var (output, statistics) =
            await engine.RunAsync(connection, () => connection.Query(text.Bytes.Span, format, Parameters), cancellation);
        if (output.Length > 0)
        {
            response.SetFormat(format);
            await response.WriteAsync(output, cancellation);
        }

        return statistics;
    }

    private async Task<QueryStatistics> InsertAsync(RequestText text, Stream body, CancellationToken cancellation)
    {
        var statement = text.Statement;
        byte[] sql = [.. text.Bytes.Span[..statement.BodyEnd], .. "\n"u8, .. text.Bytes.Span[statement.Tail], .. "\n"u8];
        var format = Format(statement);
        if (format.Equals("Values", StringComparison.OrdinalIgnoreCase))
            return await InsertValuesAsync(sql, text, body, cancellation);
        using var insert = await engine.RunAsync(connection, () => connection.BeginInsert(sql, format, Parameters), cancellation);
        return await SendAsync(insert, text.DataRead, body, cancellation);
    }

    /// <summary>
    /// The engine evaluates expressions in such data (<c>now()</c>), and would read files by them. So these are looked at first; what is
    /// too long for that, or may name a file, has to be literals.
    /// </summary>
    private async Task<QueryStatistics> InsertValuesAsync(byte[] sql, RequestText text, Stream body, CancellationToken cancellation)
    {
        using var data = new MemoryStream();
        await data.WriteAsync(text.DataRead, cancellation);
        var buffer = new byte[CopySize];
        int read;
        while (data.Length < LongestEvaluated && (read = await body.ReadAsync(buffer, cancellation)) > 0)
            data.Write(buffer, 0, read);
        var mayEvaluate = data.Length < LongestEvaluated && HiddenSql.MayEvaluate(data.GetBuffer().AsSpan(0, (int)data.Length));
        if (mayEvaluate)
            connection.AllowExpressions(true);
        try
        {
            using var insert = await engine.RunAsync(connection, () => connection.BeginInsert(sql, "Values", Parameters), cancellation);
            return await SendAsync(insert, data.GetBuffer().AsMemory(0, (int)data.Length), body, cancellation);
        }
        finally
        {
            if (mayEvaluate)
                connection.AllowExpressions(false);
        }
    }

    private async Task<QueryStatistics> SendAsync(
        ChdbInsert insert, ReadOnlyMemory<byte> begin, Stream body, CancellationToken cancellation)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(InsertSize);
        try
        {
            var open = insert.Append(begin.Span);
            int read;
            while (open && (read = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation)) > 0)
                open = insert.Append(buffer.AsSpan(0, read));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return await engine.RunAsync(connection, insert.End, cancellation);
    }

    /// <summary>The engine cannot stream into input(…), but it can read a pipe as a file.</summary>
    private async Task<QueryStatistics> InsertFromInputAsync(RequestText text, Stream body, CancellationToken cancellation)
    {
        await using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        var sql = ReadFrom(text, pipe, Format(text.Statement));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var query = engine.RunAsync(
            connection,
            () =>
            {
                try
                {
                    return connection.Query(sql, OutputFormat.Default, Parameters).Statistics;
                }
                finally
                {
                    pipe.DisposeLocalCopyOfClientHandle(); // a writer that still waits learns that nobody reads
                }
            },
            stop.Token);
        try
        {
            await FeedAsync(pipe, text.DataRead, body, cancellation);
        }
        catch
        {
            // First the order to stop, then the end of the data: in the other order it would take them for complete.
            await stop.CancelAsync();
            await engine.KillAsync(connection, query);
            await pipe.DisposeAsync();
            await Swallow(query);
            throw;
        }

        await pipe.DisposeAsync();
        return await query;
    }

    private static byte[] ReadFrom(RequestText text, AnonymousPipeServerStream pipe, string format)
    {
        var statement = text.Statement;
        var bytes = text.Bytes.Span;
        var open = statement.Input.End.Value + bytes[statement.Input.End.Value..].IndexOf((byte)'(') + 1;
        return
        [
            .. bytes[..statement.Input.Start.Value],
            .. Encoding.ASCII.GetBytes($"file('{Path(pipe)}', {format}, "),
            .. bytes[open..statement.BodyEnd],
            .. "\n"u8,
            .. bytes[statement.Tail],
        ];
    }

    /// <summary>The end of the pipe that the engine opens.</summary>
    private static string Path(AnonymousPipeServerStream pipe) => $"/dev/fd/{pipe.ClientSafePipeHandle.DangerousGetHandle()}";

    private static async Task FeedAsync(
        AnonymousPipeServerStream pipe, ReadOnlyMemory<byte> begin, Stream body, CancellationToken cancellation)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(CopySize);
        try
        {
            var data = begin;
            do
            {
                try
                {
                    await pipe.WriteAsync(data, cancellation);
                }
                catch (IOException)
                {
                    return; // The engine reads no more, and its query says why.
                }

                data = buffer.AsMemory(0, await body.ReadAsync(buffer, cancellation));
            }
            while (!data.IsEmpty);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task Swallow(Task query)
    {
        try
        {
            await query;
        }
        catch (Exception e) when (e is ClickHouseException or OperationCanceledException)
        {
            // What went wrong first is thrown.
        }
    }
}
