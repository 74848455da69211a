using System.IO.Compression;
using System.Net.Sockets;
using System.Text;
using AspireCdc.CdcProcessor;
using AspireCdc.Tests.Api;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Hostile;

/// <summary>Requests out of a grammar, to each port: every one gets an answer or its connection is closed, none is an internal
/// error, and the server goes on.</summary>
public sealed class RequestTests(ApiServer api, ClickHouseServer clickhouse) : IClassFixture<ApiServer>
{
    private const string Interim = "HTTP/1.1 100 Continue\r\n\r\n";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_api_answers() => await SendAllAsync(
        api.Client.BaseAddress!,
        dice => dice.Pick("/api/customers", "/api/products", "/api/orders", "/api/order-items", "/envelope/api/customers",
            "/api/orders?limit=", "/api/customers?after=", "/live/orders/1/seen?status=x&deleted=", "/openapi/v1.json", "/health", "/")
            + (dice.Next(3) == 0 ? $"/{Uri.EscapeDataString(dice.Text())}" : ""),
        status => status < 500 || status is 501 or 505);

    [Fact]
    public async Task The_processor_answers()
    {
        await using var processor = CdcProcessorApp.Create([
            "--ConnectionStrings:shop=Host=127.0.0.1;Port=1;Username=u;Password=secret",
            "--ConnectionStrings:clickhouse=Host=127.0.0.1;Port=1", "--urls=http://127.0.0.1:0", "--Logging:LogLevel:Default=None"]);
        await processor.StartAsync(Cancellation);

        await SendAllAsync(
            new Uri(processor.Urls.Single()),
            dice => dice.Pick("/alive", "/ready", "/health", "/operations/pause", "/operations/status", "/operations/resync?table=",
                "/operations/dead-letters/drop?id=", "/operations/dead-letters/retry?id=", "/operations/"),
            status => status < 500 || status is 501 or 503 or 505);
    }

    [Fact]
    public async Task EmbeddedClickHouse_answers()
    {
        var database = await clickhouse.CreateDatabaseAsync(Cancellation);
        await database.QueryAsync("CREATE TABLE t (a Int64, s String) ENGINE = MergeTree ORDER BY a", Cancellation);

        await SendAllAsync(
            database.Address,
            dice => $"/?user={TestClickHouse.Username}&password={TestClickHouse.Password}&database={database.Name}&max_execution_time=5"
                + dice.Pick(
                    "", "&query=SELECT+1", "&query=INSERT+INTO+t+FORMAT+", "&query=SELECT+", "&session_id=s", "&decompress=1",
                    "&compress=1", "&role=x", "&param_x=", "&wait_end_of_query=1", "&buffer_size=", "&query_id=q", "&max_threads=",
                    "&default_format=")
                + Uri.EscapeDataString(dice.Text()),
            // An engine's error is a 500 with its code; one that the server itself did not expect has this name.
            status => status is 200 or (>= 400 and < 500) or 500 or 501 or 503 or 505,
            answer => !answer.Contains("(UNKNOWN_EXCEPTION)") && !answer.Contains("   at AspireCdc"));

        (await database.QueryAsync("SELECT 1", Cancellation)).Should().Be("1\n");
    }

    private static async Task SendAllAsync(
        Uri server, Func<Random, string> path, Func<int, bool> isExpected, Func<string, bool>? isFine = null)
    {
        var memory = GC.GetTotalMemory(forceFullCollection: true);
        await Parallel.ForAsync(0, Campaign.Count, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = Cancellation },
            async (number, cancellation) =>
        {
            var request = Request(Campaign.Dice(number), path);
            string answer;
            try
            {
                answer = await SendAsync(server, request, cancellation).WaitAsync(Patience, cancellation);
            }
            catch (TimeoutException)
            {
                throw new TimeoutException($"{Campaign.Name(number)}: no answer to {Shown(request)}");
            }
            if (answer.StartsWith(Interim, StringComparison.Ordinal))
                answer = answer[Interim.Length..];
            if (answer.Length == 0)
                return;
            var status = answer.StartsWith("HTTP/1.1 ", StringComparison.Ordinal) ? int.Parse(answer.AsSpan(9, 3)) : 0;
            if (!isExpected(status) || isFine?.Invoke(answer) == false)
                Assert.Fail($"{Campaign.Name(number)}: {answer[..Math.Min(answer.Length, 1500)]}\nto {Shown(request)}");
        });
        using var http = new HttpClient { BaseAddress = server };
        (await http.GetAsync("/alive", Cancellation)).IsSuccessStatusCode.Should().BeTrue();
        (GC.GetTotalMemory(forceFullCollection: true) - memory).Should().BeLessThan(150_000_000);
    }

    private static string Shown(byte[] request) => Encoding.Latin1.GetString(request, 0, Math.Min(request.Length, 1500));

    private static async Task<string> SendAsync(Uri server, byte[] request, CancellationToken cancellation)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", server.Port, cancellation);
        await using var stream = client.GetStream();
        var answer = new MemoryStream();
        try
        {
            await stream.WriteAsync(request, cancellation);
            // What was promised and does not come, never will.
            client.Client.Shutdown(SocketShutdown.Send);
            await stream.CopyToAsync(answer, cancellation);
        }
        catch (IOException)
        {
            // The server closed the connection, as it may.
        }
        return Encoding.Latin1.GetString(answer.ToArray());
    }

    private static byte[] Request(Random dice, Func<Random, string> path)
    {
        var body = Body(dice);
        var head = new StringBuilder();
        var method = dice.Next(20) == 0 ? dice.Pick("BREW", "get", "", "PROPFIND", "CONNECT", "TRACE")
            : dice.Pick("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "POST");
        head.Append($"{method} {path(dice)} HTTP/{(dice.Next(40) == 0 ? dice.Pick("1.0", "2.0", "9.9", "x") : "1.1")}\r\n");
        if (dice.Next(40) > 0)
            head.Append($"Host: {(dice.Next(20) == 0 ? dice.Pick("", "evil.example", "[::1", "a b") : "localhost")}\r\n");
        head.Append("Connection: close\r\n");
        for (var i = dice.Next(4); i > 0; i--)
        {
            head.Append(dice.Pick(
                "Content-Type: application/json", "Content-Type: multipart/form-data; boundary=b", "Content-Type: multipart/form-data",
                "Content-Type: text/plain; charset=utf-7", "Content-Type: ", "Accept: text/event-stream",
                "Accept-Encoding: gzip, br, zstd, lz4, *;q=0", "If-Match: \"1\"", "If-Match: *", "If-None-Match: W/\"x\"",
                "Idempotency-Key: k", "Idempotency-Key: ", "Origin: null", "Expect: 100-continue", "Range: bytes=0-1",
                "Prefer: x", "traceparent: 00-x-y-01", "Authorization: Basic !!!", "Authorization: Bearer x", "X-ClickHouse-User: u",
                "X-ClickHouse-Format: Nope", $"X: {new string('x', 9000)}", "Cookie: a=b", "X-HTTP-Method-Override: DELETE"));
            head.Append("\r\n");
        }
        if (dice.Next(3) == 0)
        {
            var coding = dice.Pick("gzip", "deflate", "br", "zstd", "lz4", "snappy", "gzip, gzip");
            head.Append($"Content-Encoding: {coding}\r\n");
            if (coding == "gzip" && dice.Next(2) == 0)
                body = Gzip(body);
        }
        if (dice.Next(4) > 0)
            head.Append(
                $"Content-Length: {(dice.Next(12) == 0
                    ? dice.Pick("-1", "99999999999999999999", "x", (body.Length + 5).ToString())
                    : body.Length)}\r\n");
        else if (dice.Next(2) == 0)
        {
            head.Append("Transfer-Encoding: chunked\r\n");
            body = [.. Encoding.ASCII.GetBytes($"{(dice.Next(8) == 0 ? "FFFFFFFFF" : body.Length.ToString("x"))}\r\n"), .. body,
                .. "\r\n0\r\n\r\n"u8];
        }
        head.Append("\r\n");
        byte[] request = [.. Encoding.UTF8.GetBytes(head.ToString()), .. body];
        return dice.Next(10) == 0 ? dice.Mutate(request) : request;
    }

    private static byte[] Body(Random dice)
    {
        var depth = dice.Pick(1, 10, 100, 5000);
        var text = dice.Next(12) switch
        {
            0 => "",
            1 => "{\"email\":\"a@b.c\",\"name\":" + Json(dice) + ",\"country\":\"CH\",\"city\":\"Bern\"}",
            2 => "{\"customerId\":" + Json(dice) + ",\"total\":" + Json(dice) + ",\"items\":[{\"productId\":" + Json(dice) +
                ",\"quantity\":" + Json(dice) + "}]}",
            3 => string.Concat(Enumerable.Repeat("[", depth)),
            4 => string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "1" + new string('}', depth),
            5 => "{" + string.Join(',', Enumerable.Range(0, depth).Select(i => $"\"k{i}\":{i}")) + "}",
            6 => "SELECT " + dice.Text(),
            7 => "INSERT INTO t VALUES (1, '" + dice.Text() + "')",
            8 => "INSERT INTO t FORMAT JSONEachRow\n{\"a\":" + Json(dice) + "}",
            9 => "--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT 1" + dice.Pick("", "\r\n--b--", "\r\n--b\r\n"),
            10 => "SELECT " + new string('(', depth) + "1" + dice.Text(),
            _ => dice.Text() + dice.Text(),
        };
        var bytes = Encoding.UTF8.GetBytes(text);
        return dice.Next(4) == 0 ? dice.Mutate(bytes) : bytes;
    }

    private static string Json(Random dice) => dice.Next(3) == 0
        ? dice.Pick("null", "true", "1e400", "-1", "0.1234567890123456789", "99999999999999999999", "\"\\u0000\"", "\"\\ud800\"", "[]",
            "{}", "1e-400", "NaN")
        : System.Text.Json.JsonSerializer.Serialize(dice.Text());

    private static byte[] Gzip(byte[] bytes)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest))
            gzip.Write(bytes);
        return compressed.ToArray();
    }
}
