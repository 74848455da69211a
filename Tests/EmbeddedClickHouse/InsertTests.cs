using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using AspireCdc.EmbeddedClickHouse.Blocks;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using K4os.Compression.LZ4.Streams;
using Xunit;

namespace AspireCdc.Tests.EmbeddedClickHouse;

public sealed class InsertTests(ClickHouseServer clickhouse) : IAsyncLifetime
{
    private TestClickHouse _database = null!;
    private ClickHouseHttp _http = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await clickhouse.CreateDatabaseAsync(TestContext.Current.CancellationToken);
        _http = new ClickHouseHttp(_database);
        await _http.QueryAsync("CREATE TABLE t (a Int64, s String) ENGINE = MergeTree ORDER BY a");
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("INSERT INTO t VALUES (1, 'x'), (2, 'y;\n\nz')", "")]
    [InlineData("INSERT INTO t (a, s) FORMAT Values (1, 'x'), (2, 'y;\n\nz');", "")]
    [InlineData("(1, 'x'), (1 + 1, concat('y;\n', '\nz'))", "INSERT INTO t VALUES")]
    [InlineData("1\tx\n2\ty;\\n\\nz\n", "INSERT INTO t FORMAT TSV")]
    [InlineData("1,x\n2,\"y;\n\nz\"\n", "INSERT INTO t FORMAT CSV")]
    [InlineData("INSERT INTO t FORMAT CSV\n1,x\n2,\"y;\n\nz\"\n", "")]
    [InlineData("INSERT INTO t SETTINGS async_insert = 0 FORMAT CSV\n1,x\n2,\"y;\n\nz\"\n", "")]
    [InlineData("INSERT INTO t FORMAT CSV SETTINGS async_insert = 0\n1,x\n2,\"y;\n\nz\"\n", "")]
    [InlineData(
        "/* VALUES */ INSERT INTO t -- FORMAT TSV\n (a, s) FORMAT JSONEachRow {\"a\":1,\"s\":\"x\"}\n\n{\"a\":2,\"s\":\"y;\\n\\nz\"}", "")]
    [InlineData("INSERT INTO t SELECT a, s FROM input('a Int64, s String') FORMAT CSV\n1,x\n2,\"y;\n\nz\"\n", "")]
    [InlineData("1,x\n2,\"y;\n\nz\"\n", "INSERT INTO t SELECT a, s FROM input('a Int64, s String') FORMAT CSV")]
    [InlineData("INSERT INTO t SELECT number + 1, if(number = 0, 'x', 'y;\n\nz') FROM numbers(2)", "")]
    [InlineData("WITH y AS (SELECT number + 1, if(number = 0, 'x', 'y;\n\nz') FROM numbers(2)) INSERT INTO t SELECT * FROM y", "")]
    [InlineData("INSERT INTO t // VALUES\nSELECT number + 1, if(number = 0, 'x', 'y;\n\nz') FROM numbers(2) // the end", "")]
    [InlineData("1,x\n2,\"y;\n\nz\"\n", "INSERT INTO t /* /* VALUES */ FORMAT TSV */ # or\n FORMAT CSV")]
    [InlineData("1,x\n2,\"y;\n\nz\"\n", "INSERT INTO “t” FORMAT CSV")]
    [InlineData("INSERT INTO TABLE FUNCTION null('a Int32') VALUES (1); ", "", "")]
    public async Task Data_may_come_in_every_way(string body, string query, string rows = "1\tx\n2\ty;\\n\\nz\n")
    {
        using var response = await _http.PostAsync(body, query.Length > 0 ? "query=" + Uri.EscapeDataString(query) : "");

        (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Should().BeEmpty();
        response.StatusCode.Should().Be(HttpStatusCode.OK);
        (await _http.QueryAsync("SELECT * FROM t ORDER BY a")).Should().Be(rows);
    }

    /// <summary>Expressions in data that may name a file are not evaluated; text is text.</summary>
    [Theory]
    [InlineData("(1, toString(toYear(now()) > 2000)), (2, 'a' || 'b'), (1 + 2, concat('x', 'y'))", "1\t1\n2\tab\n3\txy\n")]
    [InlineData("(1, 'see file (1)'), (2, 'C:\\\\x\\\\y'), (3, '\\x41')", "1\tsee file (1)\n2\tC:\\\\x\\\\y\n3\tA\n")]
    public async Task Values_may_be_expressions_and_hold_any_text(string data, string rows)
    {
        await _http.QueryAsync($"INSERT INTO t VALUES {data}");

        (await _http.QueryAsync("SELECT * FROM t ORDER BY a")).Should().Be(rows);
    }

    [Fact]
    public async Task Values_beyond_what_is_looked_at_are_literals()
    {
        using var data = new MemoryStream();
        while (data.Length < 17 << 20)
            data.Write("(1, 'one of very many rows, all of which are the same literals'),"u8);
        var literals = data.ToArray();
        data.Write("(2, concat('x', 'y'))"u8);

        using var refused = await PostAsync(data.ToArray());
        using var kept = await PostAsync(literals);

        refused.Headers.GetValues("X-ClickHouse-Exception-Code").Should().Equal("344");
        kept.StatusCode.Should().Be(HttpStatusCode.OK, await kept.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        (await _http.QueryAsync("SELECT count(), sum(a) = count() FROM t")).Should().Be(
            $"{literals.Count(b => b == '(')}\t1\n");

        Task<HttpResponseMessage> PostAsync(byte[] body) =>
            _http.PostAsync(new ByteArrayContent(body), "query=INSERT+INTO+t+VALUES", TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("deflate")]
    [InlineData("br")]
    [InlineData("lz4")]
    public async Task A_body_may_be_compressed(string coding)
    {
        using var compressed = new MemoryStream();
        using (var compressor = Compressor(compressed, coding))
            compressor.Write("1\tx\n"u8);
        var body = new ByteArrayContent(compressed.ToArray()) { Headers = { ContentEncoding = { coding } } };

        (await _http.PostAsync(body, "query=INSERT+INTO+t+FORMAT+TSV", TestContext.Current.CancellationToken)).StatusCode.Should()
            .Be(HttpStatusCode.OK);

        (await _http.QueryAsync("SELECT * FROM t")).Should().Be("1\tx\n");
    }

    [Theory]
    [InlineData("gzip", 500, 271)]
    [InlineData("zstd", 500, 271)]
    [InlineData("deflate", 500, 271)]
    [InlineData("br", 500, 271)]
    [InlineData("lz4", 500, 271)]
    [InlineData("snappy", 501, 48)]
    public async Task A_body_that_cannot_be_decompressed_is_refused(string coding, int status, int code)
    {
        var body = new ByteArrayContent("this is not compressed"u8.ToArray()) { Headers = { ContentEncoding = { coding } } };

        using var response = await _http.PostAsync(body, "query=INSERT+INTO+t+FORMAT+TSV", TestContext.Current.CancellationToken);

        ((int)response.StatusCode).Should().Be(status);
        response.Headers.GetValues("X-ClickHouse-Exception-Code").Should().Equal(code.ToString());
        (await _http.QueryAsync("SELECT count() FROM t")).Should().Be("0\n");
    }

    /// <summary>Wherever it is cut, the last row would be a part of one, and the rest would be missing without a word.</summary>
    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("deflate")]
    [InlineData("br")]
    [InlineData("lz4")]
    [InlineData("blocks")]
    public async Task Of_a_body_that_is_cut_nothing_is_kept(string coding)
    {
        using var whole = new MemoryStream();
        await using (var compressor = coding == "blocks" ? new BlockWriter(whole) : Compressor(whole, coding))
        {
            for (var i = 100_000; i < 300_000; i++)
                await compressor.WriteAsync(Encoding.ASCII.GetBytes($"{i}\tx\n"), TestContext.Current.CancellationToken);
        }

        var bytes = whole.ToArray();
        foreach (var length in (int[])[1, 3, 9, 17, bytes.Length / 3, bytes.Length / 2, bytes.Length - 9, bytes.Length - 4,
            bytes.Length - 1])
        {
            foreach (var sql in (string[])["INSERT INTO t FORMAT TSV", "INSERT INTO t SELECT * FROM input('a Int64, s String') FORMAT TSV"])
            {
                var body = new ByteArrayContent(bytes, 0, length);
                if (coding != "blocks")
                    body.Headers.ContentEncoding.Add(coding);

                using var response = await _http.PostAsync(
                    body, $"query={Uri.EscapeDataString(sql)}{(coding == "blocks" ? "&decompress=1" : "")}",
                    TestContext.Current.CancellationToken);

                var answer = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
                answer.Should().StartWith("Code: 271. DB::Exception: ", $"{length} of {bytes.Length} bytes came of {sql}");
            }
        }

        (await _http.QueryAsync("SELECT count() FROM t")).Should().Be("0\n");
    }

    [Theory]
    [InlineData("--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nINSERT INTO t SELECT 1, 'x'")]
    [InlineData("--b\r\nContent-Disposition: form-data; name=")]
    [InlineData("no form at all")]
    [InlineData("[[[[", "multipart/form-data; boundary=b,text/plain; charset=utf-7")]
    public async Task Of_a_form_that_is_cut_nothing_is_kept(string form, string type = "multipart/form-data; boundary=b")
    {
        var body = new ByteArrayContent(Encoding.ASCII.GetBytes(form));
        body.Headers.TryAddWithoutValidation("Content-Type", type);

        using var response = await _http.PostAsync(body, "", TestContext.Current.CancellationToken);

        (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Should()
            .StartWith("Code: 36. DB::Exception: The multipart form cannot be read");
        (await _http.QueryAsync("SELECT count() FROM t")).Should().Be("0\n");
    }

    [Theory]
    [InlineData("INSERT INTO nowhere VALUES (1)", 404, 60)]
    [InlineData("INSERT INTO t FORMAT Nope\n1", 404, 73)]
    [InlineData("INSERT INTO t FORMAT CSV\n1,x\ny,z\n", 400, 27)]
    [InlineData("INSERT INTO t FORMAT JSONEachRow\n{\"a\":1,\"s\":\"x\"}\n{\"a\":\"y\"}", 400, 27)]
    [InlineData("INSERT INTO t SELECT a, s FROM input('a Int64, s String') FORMAT CSV\n1,x\ny,z\n", 400, 27)]
    [InlineData("INSERT INTO t FROM INFILE '/etc/passwd' FORMAT TSV", 500, 358)]
    public async Task A_wrong_insert_is_refused_whole(string sql, int status, int code)
    {
        using var response = await _http.PostAsync(sql);

        response.Headers.GetValues("X-ClickHouse-Exception-Code").Should().Equal(code.ToString());
        ((int)response.StatusCode).Should().Be(status);
        (await _http.QueryAsync("SELECT count() FROM t")).Should().Be("0\n");
    }

    [Fact]
    public async Task The_summary_counts_what_was_written()
    {
        using var response = await _http.PostAsync("INSERT INTO t VALUES (1, 'x'), (2, 'y')");

        response.Headers.GetValues("X-ClickHouse-Summary").Single().Should().Contain("\"written_rows\":\"2\"");
    }

    [Theory]
    [InlineData("INSERT INTO t FORMAT TSV")]
    [InlineData("INSERT INTO t SELECT * FROM input('a Int64, s String') FORMAT TSV")]
    public async Task Of_an_insert_whose_client_goes_away_nothing_stays(string sql)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(_database.Address.Host, _database.Address.Port, TestContext.Current.CancellationToken);
        var stream = client.GetStream();
        var login = $"database={_database.Name}&user={TestClickHouse.Username}&password={TestClickHouse.Password}";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /?{login}&query={Uri.EscapeDataString(sql)} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n"),
            TestContext.Current.CancellationToken);
        for (var i = 0; i < 300_000; i++)
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"{i}\trow\n"), TestContext.Current.CancellationToken);
        client.Client.LingerState = new LingerOption(true, 0); // a reset, as of a killed process
        client.Close();

        await Wait.UntilAsync(
            async () => await _http.QueryAsync(
                $"SELECT count() FROM system.processes WHERE current_database = '{_database.Name}' AND query ILIKE 'INSERT%'") == "0\n",
            "the insert to end", TestContext.Current.CancellationToken);
        (await _http.QueryAsync("SELECT count() FROM t")).Should().Be("0\n");
    }

    /// <summary>
    /// Inside the text of a query the engine ends data at the first empty line and reports success. Five million rows that are full of
    /// empty lines, NULs and semicolons are therefore checked one by one, in the engine, against how they were made.
    /// </summary>
    [Fact]
    public async Task Five_million_rows_with_empty_lines_arrive_exactly()
    {
        const int rows = 5_000_000;
        using var response =
            await _http.PostAsync(new RowsContent(rows), "query=INSERT+INTO+t+FORMAT+RowBinary", TestContext.Current.CancellationToken);
        response.StatusCode.Should().Be(HttpStatusCode.OK, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));

        var answer = await _http.QueryAsync(
            @"SELECT count(), uniqExact(a), min(a), max(a), countIf(s != concat(toString(a), '\n\n;\0\'\n\n', toString(a * 31), ';\n\n')) FROM t");

        answer.Should().Be($"{rows}\t{rows}\t0\t{rows - 1}\t0\n");
    }

    [Fact]
    public async Task Rows_come_back_as_they_went_in()
    {
        const int rows = 200_000;
        using (await _http.PostAsync(new RowsContent(rows), "query=INSERT+INTO+t+FORMAT+RowBinary", TestContext.Current.CancellationToken))
        {
        }

        using var expected = new MemoryStream();
        await new RowsContent(rows).CopyToAsync(expected, TestContext.Current.CancellationToken);
        using var response = await _http.PostAsync("SELECT * FROM t ORDER BY a FORMAT RowBinary");

        (await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken)).AsSpan().SequenceEqual(expected.ToArray())
            .Should().BeTrue();
    }

    private static Stream Compressor(Stream to, string coding) => coding switch
    {
        "gzip" => new GZipStream(to, CompressionLevel.Fastest, leaveOpen: true),
        "deflate" => new ZLibStream(to, CompressionLevel.Fastest, leaveOpen: true),
        "br" => new BrotliStream(to, CompressionLevel.Fastest, leaveOpen: true),
        "lz4" => LZ4Stream.Encode(to, leaveOpen: true),
        _ => new ZstdSharp.CompressionStream(to, leaveOpen: true),
    };

    /// <summary>Rows of (a Int64, s String) in RowBinary.</summary>
    private sealed class RowsContent(int rows) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            var buffer = new byte[1 << 20];
            var length = 0;
            for (var i = 0L; i < rows; i++)
            {
                if (length > buffer.Length - 128)
                {
                    await stream.WriteAsync(buffer.AsMemory(0, length));
                    length = 0;
                }

                BinaryPrimitives.WriteInt64LittleEndian(buffer.AsSpan(length), i);
                var written = 0;
                var text = buffer.AsSpan(length + 9);
                System.Text.Unicode.Utf8.TryWrite(text, $"{i}\n\n;\0'\n\n{i * 31};\n\n", out written);
                buffer[length + 8] = (byte)written;
                length += 9 + written;
            }

            await stream.WriteAsync(buffer.AsMemory(0, length));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
