using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using AspireCdc.ServiceDefaults;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>ClickHouse's HTTP interface, as far as the processor needs it: statements, inserts of RowBinary, small results.</summary>
internal sealed class ClickHouseClient : IDisposable
{
    /// <summary>
    /// The processor says itself how its statements run, whatever the server's profiles say: inserts are on disk when they answer, equal
    /// blocks count twice (A, B, A must not become B), reads see tombstones, and what the processor empties may be of any size. Nothing is
    /// compiled: the fourth derivation of a kind would wait a second for that, and floods gain nothing by it. Threads that write an
    /// answer side by side cost a lone commit more than they give.
    /// </summary>
    private const string Settings =
        "async_insert=0&insert_deduplicate=0&final=0&join_use_nulls=0&wait_end_of_query=1" +
        "&max_query_size=67108864&max_execution_time=0&output_format_json_quote_64bit_integers=0"
        + "&max_table_size_to_drop=0&max_partition_size_to_drop=0"
        + "&output_format_parallel_formatting=0&compile_expressions=0&compile_aggregate_expressions=0&compile_sort_description=0";

    /// <summary>Bytes.</summary>
    private const int ReadAtOnce = 16 * 1024;

    private readonly HttpClient _http;
    private readonly ClickHouseEndpoint _server;
    private readonly string _query;

    public ClickHouseClient(string connectionString)
        : this(ClickHouseEndpoint.Parse(connectionString))
    {
    }

    private ClickHouseClient(ClickHouseEndpoint server)
        : this(server, server.CreateHandler())
    {
    }

    internal ClickHouseClient(string connectionString, HttpMessageHandler handler)
        : this(ClickHouseEndpoint.Parse(connectionString), handler)
    {
    }

    private ClickHouseClient(ClickHouseEndpoint server, HttpMessageHandler handler)
    {
        _server = server;
        Database = server.Database;
        Address = server.Address;
        _query = $"?database={Uri.EscapeDataString(Database)}&{Settings}";

        _http = new HttpClient(handler) { BaseAddress = Address, Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{server.Username}:{server.Password}")));
    }

    public Uri Address { get; }

    public string Database { get; }

    /// <summary>Runs a statement that returns nothing.</summary>
    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(sql, _query, Content(sql, []), cancellationToken);
    }

    /// <summary>Runs a statement that returns nothing and reads external tables.</summary>
    public async Task ExecuteAsync(string sql, IReadOnlyCollection<ExternalTable> tables, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(sql, _query, Content(sql, tables), cancellationToken);
    }

    /// <summary>All that was written outlives a loss of power from now on.</summary>
    public Task SyncAsync(CancellationToken cancellationToken) => ExecuteAsync("SYSTEM SYNC FILE CACHE", cancellationToken);

    /// <summary>Inserts rows. The body goes as a stream, never within the statement: a row may hold any bytes.</summary>
    public Task InsertAsync(string insertInto, ReadOnlyMemory<byte> rowBinary, CancellationToken cancellationToken) =>
        InsertAsync(insertInto, "RowBinary", rowBinary, cancellationToken);

    /// <summary>The same in a format that this one names.</summary>
    public async Task InsertAsync(string insertInto, string format, ReadOnlyMemory<byte> rows, CancellationToken cancellationToken)
    {
        var query = $"{_query}&query={Uri.EscapeDataString($"{insertInto} FORMAT {format}")}";
        using var response = await SendAsync(insertInto, query, new ReadOnlyMemoryContent(rows), cancellationToken);
    }

    /// <summary>Rows of text; NULL is a null.</summary>
    public async Task<IReadOnlyList<string?[]>> QueryAsync(string sql, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(sql, _query, Content(sql + "\nFORMAT TabSeparated", []), cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        // Each row ends with a line feed; one of a single empty string is nothing else.
        return text.Length == 0 ? [] : [.. text[..^1].Split('\n').Select(line => line.Split('\t').Select(Unescape).ToArray())];
    }

    /// <summary>Rows as RowBinary, of a query that reads external tables.</summary>
    public Task<ReadOnlyMemory<byte>> ReadAsync(
        string sql, IReadOnlyCollection<ExternalTable> tables, CancellationToken cancellationToken) =>
        ReadAsync(sql, "RowBinary", tables, cancellationToken);

    /// <summary>The same in a format that this one names.</summary>
    public async Task<ReadOnlyMemory<byte>> ReadAsync(
        string sql, string format, IReadOnlyCollection<ExternalTable> tables, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(sql, _query, Content($"{sql}\nFORMAT {format}", tables), cancellationToken);
        return await response.Content.ReadAsByteArrayAsync(cancellationToken);
    }

    /// <summary>The same into a buffer, for answers that come again and again: those of a flood would be garbage for long.</summary>
    public async Task ReadAsync(
        string sql, IReadOnlyCollection<ExternalTable> tables, RowBuffer into, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(
            sql, _query, Content(sql + "\nFORMAT RowBinary", tables), cancellationToken, HttpCompletionOption.ResponseHeadersRead);
        await using var rows = await response.Content.ReadAsStreamAsync(cancellationToken);
        try
        {
            while (await rows.ReadAsync(into.GetMemory(ReadAtOnce), cancellationToken) is > 0 and var read)
                into.Advance(read);
        }
        catch (IOException e)
        {
            // As where the answer is read whole: those who ask know one exception for a connection that is lost.
            throw new HttpRequestException($"ClickHouse's answer broke off: {e.Message}", e);
        }
    }

    /// <summary>The one value of the one row.</summary>
    public async Task<string?> ScalarAsync(string sql, CancellationToken cancellationToken) =>
        (await QueryAsync(sql, cancellationToken)) is [[var value, ..], ..] ? value : null;

    public void Dispose() => _http.Dispose();

    private static HttpContent Content(string sql, IReadOnlyCollection<ExternalTable> tables)
    {
        if (tables.Count == 0)
            return new StringContent(sql);

        var form = new MultipartFormDataContent { { new StringContent(sql), "query" } };
        foreach (var table in tables)
        {
            form.Add(new StringContent(table.Structure), table.Name + "_structure");
            form.Add(new StringContent("RowBinary"), table.Name + "_format");
            form.Add(new ReadOnlyMemoryContent(table.Rows), table.Name, table.Name);
        }
        return form;
    }

    private async Task<HttpResponseMessage> SendAsync(
        string sql, string query, HttpContent content, CancellationToken cancellationToken, HttpCompletionOption completion = default)
    {
        using var activity = ClickHouseActivity.Start(_server, sql);
        try
        {
            return await SendAsync(query, content, completion, cancellationToken);
        }
        catch (Exception e)
        {
            activity.Fail(e is ClickHouseException failed ? failed.Code.ToString(CultureInfo.InvariantCulture) : e.GetType().FullName!);
            throw;
        }
    }

    private async Task<HttpResponseMessage> SendAsync(
        string query, HttpContent content, HttpCompletionOption completion, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, query) { Content = content };
        if (content is not MultipartFormDataContent)
            content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        var response = await _http.SendAsync(request, completion, cancellationToken);
        if (response.IsSuccessStatusCode && !response.Headers.Contains("X-ClickHouse-Exception-Code"))
            return response;

        using (response)
        {
            var message = await response.Content.ReadAsStringAsync(cancellationToken);
            var code = response.Headers.TryGetValues("X-ClickHouse-Exception-Code", out var codes)
                && int.TryParse(codes.FirstOrDefault(), NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) ? number : 0;
            throw new ClickHouseException(code, message.Length > 0 ? message.Trim() : $"ClickHouse answered {(int)response.StatusCode}.");
        }
    }

    private static string? Unescape(string field)
    {
        if (field == "\\N")
            return null;
        if (!field.Contains('\\'))
            return field;

        var text = new StringBuilder(field.Length);
        for (var i = 0; i < field.Length; i++)
        {
            if (field[i] != '\\' || i + 1 == field.Length)
            {
                text.Append(field[i]);
                continue;
            }

            text.Append(
                field[++i] switch { 't' => '\t', 'n' => '\n', 'r' => '\r', 'b' => '\b', 'f' => '\f', '0' => '\0', var other => other });
        }
        return text.ToString();
    }
}
