using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.EmbeddedClickHouse;

public sealed class StreamTests(ClickHouseServer clickhouse) : IAsyncLifetime
{
    private TestClickHouse _database = null!;
    private ClickHouseHttp _http = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await clickhouse.CreateDatabaseAsync(TestContext.Current.CancellationToken);
        _http = new ClickHouseHttp(_database);
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("TabSeparatedWithNames", "n\ts\n", "199999\tx\n", 200_001)]
    [InlineData("CSVWithNamesAndTypes", "\"n\",\"s\"\n\"UInt64\",\"String\"\n", "199999,\"x\"\n", 200_002)]
    [InlineData("JSONCompactEachRowWithNames", "[\"n\", \"s\"]\n", "[\"199999\", \"x\"]\n", 200_001)]
    public async Task A_header_comes_once_however_many_blocks_follow(string format, string begin, string end, int lines)
    {
        var answer = await _http.QueryAsync($"SELECT number AS n, 'x' AS s FROM numbers(200000) FORMAT {format}",
            "max_block_size=1000&output_format_json_quote_64bit_integers=1");

        answer.Should().StartWith(begin).And.EndWith(end);
        answer.Count(c => c == '\n').Should().Be(lines);
    }

    [Fact]
    public async Task A_large_json_document_is_one_document()
    {
        using var response =
            await _http.PostAsync(
                "SELECT number % 3 AS k, sum(number) AS s FROM numbers(300000) GROUP BY number WITH TOTALS ORDER BY number FORMAT JSON",
                "max_block_size=1000");

        using var document = await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken),
            cancellationToken: TestContext.Current.CancellationToken);
        document.RootElement.GetProperty("rows").GetInt32().Should().Be(300_000);
        document.RootElement.GetProperty("data").GetArrayLength().Should().Be(300_000);
        document.RootElement.GetProperty("totals").GetProperty("s").GetInt64().Should().Be(44_999_850_000);
    }

    [Theory]
    [InlineData("Parquet")]
    [InlineData("ArrowStream")]
    [InlineData("Native")]
    [InlineData("RowBinaryWithNamesAndTypes")]
    [InlineData("TSKV")]
    [InlineData("MsgPack")]
    [InlineData("JSONEachRow")]
    [InlineData("JSONCompactColumns")]
    [InlineData("Avro")]
    public async Task What_goes_out_in_a_format_comes_in_again(string format)
    {
        await _http.QueryAsync("CREATE TABLE t (n UInt64, s String) ENGINE = Memory");
        using var selected =
            await _http.PostAsync(
                $"SELECT number AS n, concat('\\n\\n', toString(number), '\\0') AS s FROM numbers(150000) FORMAT {format}",
                "max_block_size=1000");
        var body = new ByteArrayContent(await selected.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));

        using var inserted = await _http.PostAsync(
            body, $"query=INSERT+INTO+t+FORMAT+{format}&input_format_msgpack_number_of_columns=2", TestContext.Current.CancellationToken);

        (await inserted.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Should().BeEmpty();
        (await _http.QueryAsync("SELECT count(), sum(n), countIf(s != concat('\\n\\n', toString(n), '\\0')) FROM t")).Should()
            .Be("150000\t11249925000\t0\n");
    }

    [Theory]
    [InlineData("RowBinaryWithNamesAndTypes")]
    [InlineData("JSON")]
    public async Task A_result_without_end_streams_and_stops_when_its_reader_goes(string format)
    {
        var id = Guid.NewGuid().ToString("N");
        using (var response = await _http.PostAsync($"SELECT number, '{id}' AS id FROM system.numbers FORMAT {format}"))
        {
            // More than the server could keep in memory unnoticed, of a result that it never has whole.
            await using var stream = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
            var buffer = new byte[1 << 20];
            for (var read = 0L; read < 300_000_000;)
                read += await stream.ReadAsync(buffer, TestContext.Current.CancellationToken);
        }

        await QueryEndsAsync(id);
    }

    [Theory]
    [InlineData("SELECT count() FROM system.numbers WHERE sipHash64(number) = 1 AND '{0}' != ''")]
    [InlineData("INSERT INTO FUNCTION null('n UInt64') SELECT number FROM system.numbers WHERE '{0}' != ''")]
    public async Task A_query_without_a_result_yet_stops_when_its_client_goes(string sql)
    {
        var id = Guid.NewGuid().ToString("N");
        using var client = new CancellationTokenSource();
        var query = _http.PostAsync(new StringContent(string.Format(CultureInfo.InvariantCulture, sql, id)), "", client.Token);
        await Wait.UntilAsync(() => IsRunningAsync(id), "the query to run", TestContext.Current.CancellationToken);

        await client.CancelAsync();

        await FluentActions.Awaiting(() => query).Should().ThrowAsync<OperationCanceledException>();
        await QueryEndsAsync(id);
    }

    [Fact]
    public async Task Many_clients_that_leave_at_once_cost_one_order_to_stop()
    {
        await using var server = new OwnClickHouse { LogLevel = "Debug" };
        await server.StartAsync(TestContext.Current.CancellationToken);
        using var http = new ClickHouseHttp(new TestClickHouse(server.Address, "default"));
        using var clients = new CancellationTokenSource();
        var queries = Enumerable.Range(0, 400)
            .Select(_ =>
                http.PostAsync(new StringContent("SELECT count() FROM system.numbers WHERE sipHash64(number) = 1 SETTINGS max_threads = 1"),
                    "", clients.Token))
            .ToList();
        const string running =
            "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%system.processes%'";
        // As many as it runs at once; the question goes past the queue, to the engine's own connection.
        await Wait.UntilAsync(
            async () =>
                (await http.Client.GetAsync("/health", TestContext.Current.CancellationToken)).IsSuccessStatusCode && server.Log.Count >= 0,
            "the server to be busy", TestContext.Current.CancellationToken);

        await clients.CancelAsync();

        foreach (var query in queries)
            await FluentActions.Awaiting(() => query).Should().ThrowAsync<OperationCanceledException>();
        await Wait.UntilAsync(
            async () => await http.QueryAsync(running) == "0\n", "the queries to end", TestContext.Current.CancellationToken);
        server.Log.Count(line => line.Contains("Asked the engine to stop")).Should().BeLessThan(10);
    }

    [Fact]
    public async Task Progress_comes_in_headers()
    {
        using var response = await _http.PostAsync(
            "SELECT sum(sleepEachRow(0.01)) FROM numbers(50)",
            "max_block_size=5&send_progress_in_http_headers=1&http_headers_progress_interval_ms=20");

        var progress = response.Headers.GetValues("X-ClickHouse-Progress").Select(line => JsonDocument.Parse(line).RootElement).ToList();
        progress.Should().HaveCountGreaterThan(1);
        progress.Select(step => long.Parse(step.GetProperty("read_rows").GetString()!, CultureInfo.InvariantCulture)).Should()
            .BeInAscendingOrder();
        progress[^1].GetProperty("read_rows").GetString().Should().NotBe("0");
    }

    [Fact]
    public async Task An_error_after_rows_ends_the_response_in_a_way_that_nobody_takes_for_its_end()
    {
        using var response =
            await _http.PostAsync("SELECT number, throwIf(number = 1000000, 'boom') FROM numbers(2000000)", "max_block_size=1000");
        response.StatusCode.Should().Be(HttpStatusCode.OK);
        var tag = response.Headers.GetValues("X-ClickHouse-Exception-Tag").Single();

        var received = new MemoryStream();
        await FluentActions.Awaiting(() => response.Content.CopyToAsync(received)).Should().ThrowAsync<HttpRequestException>();

        var text = Encoding.UTF8.GetString(received.ToArray());
        text.Should().MatchRegex($@"\r\n__exception__\r\n{tag}\r\nCode: 395\. DB::Exception: boom[^\r]*\n\d+ {tag}\r\n__exception__\r\n$");
    }

    [Fact]
    public async Task An_error_after_rows_has_its_status_if_the_client_waits_for_the_end()
    {
        using var response = await _http.PostAsync(
            "SELECT number, throwIf(number = 1900000, 'boom') FROM numbers(2000000)", "max_block_size=1000&wait_end_of_query=1");

        response.StatusCode.Should().Be(HttpStatusCode.InternalServerError);
        (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Should()
            .StartWith("Code: 395. DB::Exception: boom");
    }

    [Fact]
    public async Task A_response_that_waits_for_the_end_is_whole()
    {
        using var response = await _http.PostAsync("SELECT number FROM numbers(3000000) FORMAT RowBinary", "wait_end_of_query=1");

        response.Headers.GetValues("X-ClickHouse-Summary").Single().Should().Contain("\"read_rows\":\"3000000\"");
        (await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken)).Should().HaveCount(24_000_000);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("br")]
    [InlineData("deflate")]
    [InlineData("lz4")]
    public async Task A_response_is_compressed_as_its_reader_likes(string coding)
    {
        var request = new HttpRequestMessage(
            HttpMethod.Post, $"/?user={TestClickHouse.Username}&password={TestClickHouse.Password}&enable_http_compression=1")
        {
            Content = new StringContent("SELECT number FROM numbers(1000000)"),
            Headers = { AcceptEncoding = { new StringWithQualityHeaderValue(coding) } },
        };
        using var response =
            await _http.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);

        response.Content.Headers.ContentEncoding.Should().Equal(coding);
        await using var plain = Decompressor(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken), coding);
        var text = await new StreamReader(plain).ReadToEndAsync(TestContext.Current.CancellationToken);
        text.Should().Be(string.Concat(Enumerable.Range(0, 1_000_000).Select(i => i + "\n")));
    }

    [Theory]
    [InlineData("", "enable_http_compression=1")]
    [InlineData("gzip", "enable_http_compression=0")]
    [InlineData("gzip;q=0, identity", "enable_http_compression=1")]
    public async Task A_response_is_not_compressed_for_a_reader_that_does_not_ask(string accept, string parameter)
    {
        var request = new HttpRequestMessage(HttpMethod.Post,
            $"/?user={TestClickHouse.Username}&password={TestClickHouse.Password}&{parameter}")
        { Content = new StringContent("SELECT 1") };
        request.Headers.TryAddWithoutValidation("Accept-Encoding", accept);

        using var response = await _http.Client.SendAsync(request, TestContext.Current.CancellationToken);

        response.Content.Headers.ContentEncoding.Should().BeEmpty();
        response.Content.Headers.ContentLength.Should().Be(2);
    }

    private static Stream Decompressor(Stream from, string coding) => coding switch
    {
        "gzip" => new System.IO.Compression.GZipStream(from, System.IO.Compression.CompressionMode.Decompress),
        "deflate" => new System.IO.Compression.ZLibStream(from, System.IO.Compression.CompressionMode.Decompress),
        "lz4" => K4os.Compression.LZ4.Streams.LZ4Stream.Decode(from),
        "br" => new System.IO.Compression.BrotliStream(from, System.IO.Compression.CompressionMode.Decompress),
        _ => new ZstdSharp.DecompressionStream(from),
    };

    private async Task<bool> IsRunningAsync(string id) =>
        await _http.QueryAsync(
            $"SELECT count() FROM system.processes WHERE query LIKE '%{id}%' AND query NOT LIKE '%system.processes%'") != "0\n";

    private Task QueryEndsAsync(string id) =>
        Wait.UntilAsync(async () => !await IsRunningAsync(id), "the query to end", TestContext.Current.CancellationToken);
}
