using System.Net;
using System.Net.Http.Headers;
using AspireCdc.CdcProcessor;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>Operations ask who you are.</summary>
public sealed class OperationAccessTests
{
    private const string Token = "a-token-of-this-test";

    private readonly LogLines _log = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null, null, "127.0.0.1", 409)]
    [InlineData(null, null, "10.0.0.7", 403)]
    [InlineData(null, "Bearer " + Token, "10.0.0.7", 403)]
    [InlineData(Token, null, "127.0.0.1", 401)]
    [InlineData(Token, null, "10.0.0.7", 401)]
    [InlineData(Token, "Bearer wrong", "10.0.0.7", 401)]
    [InlineData(Token, "Bearer " + Token + "x", "10.0.0.7", 401)]
    [InlineData(Token, "Bearer ", "10.0.0.7", 401)]
    [InlineData(Token, Token, "10.0.0.7", 401)]
    [InlineData(Token, "Bearer " + Token, "10.0.0.7", 409)]
    [InlineData(Token, "bearer " + Token, "127.0.0.1", 409)]
    public async Task Without_the_token_nobody_is_served_beyond_this_machine(string? token, string? sent, string address, int status)
    {
        await using var processor = await StartAsync(token, address);
        using var http = new HttpClient { BaseAddress = new Uri(processor.Urls.Single()) };
        http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("operator", "7"));
        if (sent is not null)
            http.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", sent);

        using var answer = await http.PostAsync("/operations/dead-letters/drop", null, Cancellation);

        ((int)answer.StatusCode).Should().Be(status, await answer.Content.ReadAsStringAsync(Cancellation));
        _log.Lines.Should().Contain(line => line.Contains(
            "POST /operations/dead-letters/drop was " + (status == 409 ? "asked for by operator/7" : "refused to operator/7")));
        _log.Lines.Should().NotContain(line => line.Contains(Token));
        (await http.GetAsync("/alive", Cancellation)).StatusCode.Should().Be(HttpStatusCode.OK, "probes need no token");
    }

    private async Task<WebApplication> StartAsync(string? token, string address)
    {
        var processor = CdcProcessorApp.Create(
            ["--ConnectionStrings:shop=Host=127.0.0.1;Port=1;Username=u;Password=p", "--ConnectionStrings:clickhouse=Host=127.0.0.1;Port=1",
                "--urls=http://127.0.0.1:0", .. token is null ? Array.Empty<string>() : [$"--Operations:Token={token}"]],
            builder =>
            {
                builder.Logging.ClearProviders().AddProvider(_log);
                builder.Services.AddSingleton<IStartupFilter>(new ReachedAt(IPAddress.Parse(address)));
            });
        await processor.StartAsync(Cancellation);
        return processor;
    }

    /// <summary>As if requests had come to another address of the machine.</summary>
    private sealed class ReachedAt(IPAddress address) : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use((http, rest) =>
            {
                http.Connection.LocalIpAddress = address;
                return rest(http);
            });
            next(app);
        };
    }
}
