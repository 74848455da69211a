using System.Net;
using System.Net.Sockets;
using System.Text;
using AspireCdc.CdcProcessor;
using AspireCdc.Tests.Api;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Xunit;

namespace AspireCdc.Tests.ServiceDefaults;

/// <summary>What a page of another site can send to a port of this machine, sent to each of ours.</summary>
public sealed class ForeignPageTests(ApiServer api, ClickHouseServer clickhouse) : IClassFixture<ApiServer>, IAsyncLifetime
{
    private const string Evil = "https://evil.example";

    private WebApplication _processor = null!;
    private TestClickHouse _clickhouse = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _clickhouse = await clickhouse.CreateDatabaseAsync(Cancellation);
        _processor = CdcProcessorApp.Create([
            $"--ConnectionStrings:shop={api.Database.ConnectionString}", $"--ConnectionStrings:clickhouse={_clickhouse.ConnectionString}",
            "--urls=http://127.0.0.1:0", "--Logging:LogLevel:Default=None"]);
        await _processor.StartAsync(Cancellation);
    }

    public async ValueTask DisposeAsync() => await _processor.DisposeAsync();

    public static TheoryData<string> Ports => ["api", "clickhouse", "processor"];

    public static TheoryData<string, string, string, string?, string> Requests()
    {
        var requests = new TheoryData<string, string, string, string?, string>();
        foreach (var port in Ports)
        {
            var path = port.Data switch
            {
                "api" => "/api/customers",
                "clickhouse" => "/?user=panda&password=pandapass",
                _ => "/operations/pause",
            };
            foreach (var type in (string[])["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"])
                requests.Add(port.Data, "POST", path, type, $"Origin: {Evil}");
            requests.Add(port.Data, "POST", path, "text/plain", "Origin: null");
            requests.Add(port.Data, "OPTIONS", path, null,
                $"Origin: {Evil}\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: content-type");
            requests.Add(port.Data, "GET", "/health", null, $"Origin: {Evil}\r\nAccept: text/event-stream");
            requests.Add(
                port.Data, "GET", "/", null,
                $"Origin: {Evil}\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
                "AAAAAAAAAAAAAAAAAAAAAA==");
            requests.Add(
                port.Data, "GET", "/health", null, "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image");
            requests.Add(port.Data, "POST", path, "application/x-www-form-urlencoded",
                "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document");
        }

        return requests;
    }

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task A_page_of_another_site_is_refused(string port, string method, string path, string? type, string headers)
    {
        var answer = await SendAsync(port, method, path, type, headers, host: null);

        answer.Should().StartWith("HTTP/1.1 403 ").And.NotContain("Access-Control-Allow-Origin").And.Contain("may not use this service");
    }

    [Theory]
    [MemberData(nameof(Ports))]
    public async Task A_name_of_another_site_that_leads_here_is_refused(string port) =>
        (await SendAsync(port, "GET", "/health", null, "Accept: */*", host: "rebound.evil.example:80"))
            .Should().StartWith("HTTP/1.1 421 ").And.Contain("is no name of this machine");

    [Theory]
    [MemberData(nameof(Ports))]
    public async Task This_machines_names_are_known(string port)
    {
        foreach (var host in (string[])["localhost", "localhost:1", "127.0.0.1", "[::1]:80", "api", "shop.localhost",
            "host.docker.internal:3002"])
            (await SendAsync(port, "GET", "/alive", null, "Accept: */*", host)).Should().StartWith("HTTP/1.1 200 ", host);
    }

    [Theory]
    [MemberData(nameof(Ports))]
    public async Task A_link_may_be_followed(string port) =>
        (await SendAsync(port, "GET", "/alive", null, "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document",
            host: null)).Should().StartWith("HTTP/1.1 200 ");

    [Fact]
    public async Task The_pages_own_requests_and_those_of_the_seeds_client_pass()
    {
        var own = $"http://127.0.0.1:{AddressOf("api").Port}";
        (await SendAsync("api", "POST", "/api/customers", "application/json", $"Origin: {own}", host: null, body: "{}")).Should()
            .StartWith("HTTP/1.1 422 ");
        (await SendAsync(
            "api", "POST", "/envelope/api/customers", "application/json", "Origin: http://localhost:3001", host: null, body: "{}"))
            .Should().StartWith("HTTP/1.1 422 ").And.Contain("Access-Control-Allow-Origin: http://localhost:3001");
    }

    [Fact]
    public async Task An_origin_is_added_by_one_setting()
    {
        await using var app = ApiServer.Create(api.Database.ConnectionString, api.Database.Name, $"--Cors:Origins:2={Evil}");
        using var http = await ApiServer.StartAsync(app);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/customers") { Headers = { { "Origin", Evil } } };

        using var answer = await http.SendAsync(request, Cancellation);

        answer.StatusCode.Should().Be(HttpStatusCode.OK);
        answer.Headers.GetValues("Access-Control-Allow-Origin").Should().Equal(Evil);
    }

    private Uri AddressOf(string port) => port switch
    {
        "api" => api.Client.BaseAddress!,
        "clickhouse" => _clickhouse.Address,
        _ => new Uri(_processor.Urls.Single()),
    };

    /// <summary>Byte for byte what a browser would send.</summary>
    private async Task<string> SendAsync(
        string port, string method, string path, string? type, string headers, string? host, string body = "SELECT 1")
    {
        var address = AddressOf(port);
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", address.Port, Cancellation);
        await using var stream = client.GetStream();
        var content = type is null ? "" : $"Content-Type: {type}\r\nContent-Length: {body.Length}\r\n";
        var close = headers.Contains("Upgrade") ? "" : "Connection: close\r\n";
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(
                $"{method} {path} HTTP/1.1\r\nHost: " +
                $"{host ?? $"127.0.0.1:{address.Port}"}\r\n{headers}\r\n{content}{close}\r\n{(type is null ? "" : body)}"), Cancellation);
        return await new StreamReader(stream, Encoding.UTF8).ReadToEndAsync(Cancellation);
    }
}
