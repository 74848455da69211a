using System.Net;
using AspireCdc.ServiceDefaults;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.ServiceDefaults;

public sealed class IntegrationTests(PostgresServer postgres)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_data_source_comes_by_the_name_of_its_connection_string_and_is_watched()
    {
        var database = await postgres.CreateDatabaseAsync(Cancellation);
        var builder = Builder(("ConnectionStrings:other", database.ConnectionString));
        builder.AddNpgsqlDataSource("other");
        await using var app = builder.Build();

        await using var command = app.Services.GetRequiredService<NpgsqlDataSource>().CreateCommand("SELECT current_database()");
        (await command.ExecuteScalarAsync(Cancellation)).Should().Be(database.Name);
        (await HealthAsync(app, "/ready")).Should().Be((HttpStatusCode.OK, """{"status":"ok"}"""));
    }

    [Fact]
    public async Task What_does_not_answer_makes_the_service_unready_and_not_dead_and_says_why()
    {
        var nobody = FreePort.Next();
        var builder = Builder(("ConnectionStrings:shop", $"Host=127.0.0.1;Port={nobody}"));
        builder.AddNpgsqlDataSource("shop");
        await using var app = builder.Build();

        var (status, text) = await HealthAsync(app, "/health");

        status.Should().Be(HttpStatusCode.ServiceUnavailable);
        text.Should().Contain($"Failed to connect to 127.0.0.1:{nobody}");
        (await HealthAsync(app, "/alive")).Status.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_missing_connection_string_gets_a_sentence()
    {
        var builder = Builder();
        builder.AddNpgsqlDataSource("shop");
        await using var app = builder.Build();

        app.Services.Invoking(services => services.GetRequiredService<NpgsqlDataSource>()).Should().Throw<InvalidOperationException>()
            .WithMessage("*ConnectionStrings*shop*");
    }

    [Fact]
    public async Task Telemetry_of_all_three_kinds_goes_to_the_endpoint()
    {
        await using var collector = Builder().Build();
        var received = new System.Collections.Concurrent.ConcurrentDictionary<string, string>();
        collector.MapPost("/v1/{kind}", (string kind, Microsoft.AspNetCore.Http.HttpRequest request) =>
            received[kind] = request.Headers["x-otlp-api-key"].ToString());
        await collector.StartAsync(Cancellation);
        var builder = Builder(
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Urls.Single()), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-otlp-api-key=secret"), ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"), ("OTEL_BLRP_SCHEDULE_DELAY", "100"),
            ("Logging:LogLevel:Default", "Information"));
        await using var app = builder.Build();
        app.MapGet("/work", () => "done");

        await HealthAsync(app, "/work");
        app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Test").LogInformation("A line");

        await Wait.UntilAsync(() => Task.FromResult(received.Count == 3), "logs, metrics and traces", Cancellation);
        received.Keys.Should().BeEquivalentTo("logs", "metrics", "traces");
        received.Values.Should().AllBe("secret");
    }

    private static WebApplicationBuilder Builder(params (string Key, string Value)[] configuration)
    {
        var builder = WebApplication.CreateBuilder(
            ["--hostBuilder:reloadConfigOnChange=false", "--urls=http://127.0.0.1:0", "--Logging:LogLevel:Default=None"]);
        builder.Configuration.AddInMemoryCollection(configuration.Select(entry => KeyValuePair.Create(entry.Key, (string?)entry.Value)));
        builder.AddServiceDefaults();
        return builder;
    }

    private static async Task<(HttpStatusCode Status, string Text)> HealthAsync(WebApplication app, string path)
    {
        if (app.Urls.All(url => url.EndsWith(":0", StringComparison.Ordinal)))
        {
            app.MapDefaultEndpoints();
            await app.StartAsync(Cancellation);
        }
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        using var response = await client.GetAsync(path, Cancellation);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(Cancellation));
    }
}
