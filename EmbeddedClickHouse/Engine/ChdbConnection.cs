using System.Text;

namespace AspireCdc.EmbeddedClickHouse.Engine;

/// <summary>
/// One connection to the engine. It has settings, a current database and temporary tables of its own, and runs one query at a time.
/// Its calls block: <see cref="ChdbConnection"/> is for worker threads.
/// </summary>
internal sealed unsafe class ChdbConnection : IDisposable
{
    /// <summary>
    /// The setting by which a connection's queries are found, and which no statement may change. It is one of the engine's for which
    /// there is no use here:
    /// a setting of an own name would be unknown to it, and the usual one, log_comment, is the client's.
    /// </summary>
    public const string Marker = "stream_like_engine_insert_queue";

    private readonly nint* _connection;

    private ChdbConnection(nint* connection, string id)
    {
        _connection = connection;
        Id = id;
    }

    /// <summary>The connection's queries show this as their setting <see cref="Marker"/>, by which they can be killed.</summary>
    public string Id { get; }

    private nint Handle => *_connection;

    /// <summary>Null if the engine refuses, of which it tells the reason on standard error only.</summary>
    public static ChdbConnection? Open(EngineFiles files, string id)
    {
        using var arguments = new NativeText(
            "clickhouse", $"--path={files.Data}", $"--config-file={files.Configuration}", $"--{Marker}={id}",
            "--final=1", "--apply_prewhere_after_final=1", // what a reader sees is deduplicated
            $"--{ServerSettings.Expressions}=0", $"--{ServerSettings.Templates}=0", // unless the data were looked at
            "--implicit_select=0"); // as a server has it
        var connection = LibChdb.Connect(arguments.Count, arguments.Pointers);
        if (connection == null || *connection == 0)
            return null;
        var opened = new ChdbConnection(connection, id);
        opened.AllowFiles(false);
        return opened;
    }

    /// <summary>Whether the connection's next statement may read and write files; where, the server has to see to.</summary>
    public void AllowFiles(bool allowed) => Query(allowed ? "SET ROLE ALL" : "SET ROLE NONE");

    /// <summary>Whether the data of the connection's next INSERT in Values may hold expressions, which the server has to look at.</summary>
    public void AllowExpressions(bool allowed) =>
        Query($"SET {ServerSettings.Expressions} = {(allowed ? 1 : 0)}, {ServerSettings.Templates} = {(allowed ? 1 : 0)}");

    /// <summary>Runs a statement whose result, if any, is small.</summary>
    public (byte[] Output, QueryStatistics Statistics) Query(ReadOnlySpan<byte> sql, string format, ReadOnlySpan<QueryParameter> parameters)
    {
        using var arguments = new QueryArguments(format, parameters);
        fixed (byte* text = sql)
        {
            return Take(LibChdb.Query(
                Handle, text, (nuint)sql.Length, arguments.Format, arguments.FormatLength,
                arguments.Names.Pointers, arguments.Names.Lengths, arguments.Values.Pointers, arguments.Values.Lengths, arguments.Count));
        }
    }

    /// <summary>Runs a statement of the server's own.</summary>
    public string Query(string sql) => Encoding.UTF8.GetString(Query(Encoding.UTF8.GetBytes(sql), "TabSeparatedRaw", []).Output);

    /// <summary>Begins an INSERT whose data follow in <paramref name="format"/>.</summary>
    public ChdbInsert BeginInsert(ReadOnlySpan<byte> sql, string format, ReadOnlySpan<QueryParameter> parameters)
    {
        using var arguments = new QueryArguments(format, parameters);
        fixed (byte* text = sql)
        {
            return new ChdbInsert(LibChdb.BeginInsert(
                Handle, text, (nuint)sql.Length, arguments.Format, arguments.FormatLength,
                arguments.Names.Pointers, arguments.Names.Lengths, arguments.Values.Pointers, arguments.Values.Lengths, arguments.Count));
        }
    }

    /// <summary>Copies a result out of native memory and frees it; throws the error that it holds.</summary>
    internal static (byte[] Output, QueryStatistics Statistics) Take(nint result)
    {
        if (result == 0)
            throw ClickHouseException.FromEngine("The engine gave no result.");
        try
        {
            if (ReadText(LibChdb.Error(result)) is { } error)
                throw ClickHouseException.FromEngine(error);
            var output = new ReadOnlySpan<byte>(LibChdb.Buffer(result), checked((int)LibChdb.Length(result))).ToArray();
            return (output, new QueryStatistics(
                LibChdb.RowsRead(result), LibChdb.BytesRead(result),
                LibChdb.RowsWritten(result), LibChdb.BytesWritten(result),
                LibChdb.ResultRows(result), LibChdb.ResultBytes(result)));
        }
        finally
        {
            LibChdb.DestroyResult(result);
        }
    }

    internal static string? ReadText(byte* text) =>
        text == null || *text == 0
            ? null
            : Encoding.UTF8.GetString(System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));

    public void Dispose() => LibChdb.Close(_connection);

    private readonly ref struct QueryArguments : IDisposable
    {
        private readonly NativeText _format;

        public QueryArguments(string format, ReadOnlySpan<QueryParameter> parameters)
        {
            var names = new string[parameters.Length];
            var values = new string[parameters.Length];
            for (var i = 0; i < parameters.Length; i++)
                (names[i], values[i]) = (parameters[i].Name, parameters[i].Value);
            _format = new NativeText(format);
            Names = new NativeText(names);
            Values = new NativeText(values);
        }

        public NativeText Names { get; }

        public NativeText Values { get; }

        public nuint Count => (nuint)Names.Count;

        public byte* Format => _format.Pointers[0];

        public nuint FormatLength => _format.Lengths[0];

        public void Dispose()
        {
            _format.Dispose();
            Names.Dispose();
            Values.Dispose();
        }
    }
}
