using System.Collections.Concurrent;
using System.Diagnostics;
using AspireCdc.Api;
using AspireCdc.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.ServiceDefaults;

/// <summary>Passwords and tokens stand in no log, trace or answer, whatever goes wrong and however much is logged.</summary>
public sealed class SecretsTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private static readonly string[] Secrets = ["pg-s3cret", "ch-s3cret", "token-s3cret"];

    private readonly Everything _said = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task They_are_nowhere(bool servers)
    {
        using var spans = Listen();
        var database = await postgres.CreateDatabaseAsync(Cancellation);
        var star = await clickhouse.CreateDatabaseAsync(Cancellation);
        var shop = new NpgsqlConnectionStringBuilder(
            database.ConnectionString)
        { Username = "nobody_here", Password = Secrets[0], Pooling = false };
        if (!servers)
            (shop.Host, shop.Port) = ("127.0.0.1", 1);
        string[] settings =
        [
            $"--ConnectionStrings:shop={shop.ConnectionString}",
            $"--ConnectionStrings:clickhouse=http://panda:{Secrets[1]}@" +
            $"{(servers ? $"{star.Address.Authority}" : "127.0.0.1:1")}/{star.Name}",
            $"--Operations:Token={Secrets[2]}", "--urls=http://127.0.0.1:0", "--Logging:LogLevel:Default=Trace",
            "--Logging:Console:LogLevel:Default=None", "--Logging:LogLevel:Npgsql=Trace", "--Logging:LogLevel:System.Net.Http=Trace",
            "--Logging:LogLevel:Microsoft.AspNetCore=Trace",
            $"--contentRoot={Path.Combine(Repository.Root, "Api")}", "--hostBuilder:reloadConfigOnChange=false",
        ];

        await using (var processor = CdcProcessorApp.Create(settings, builder => builder.Logging.AddProvider(_said)))
        {
            await AskAsync(processor, "/ready", "/operations/status", "/operations/dead-letters");
            await Wait.UntilAsync(() => Task.FromResult(_said.Lines.Any(line => line.Contains("nobody_here") || line.Contains("refused"))),
                "the processor to fail", Cancellation);
        }

        await using (var api = ShopApi.Create(settings))
        {
            api.Services.GetService(typeof(ILoggerFactory)).As<ILoggerFactory>().AddProvider(_said);
            await AskAsync(api, "/health", "/api/customers");
        }

        _said.Lines.Should().NotBeEmpty();
        foreach (var secret in Secrets)
            _said.Lines.Should().NotContain(line => line.Contains(secret));
    }

    private async Task AskAsync(WebApplication app, params string[] paths)
    {
        await app.StartAsync(Cancellation);
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.Single()), Timeout = TimeSpan.FromSeconds(60) };
        http.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", "Bearer " + Secrets[2]);
        foreach (var path in paths)
        {
            using var answer = await http.GetAsync(path, Cancellation);
            _said.Add(answer.Headers.ToString());
            _said.Add(await answer.Content.ReadAsStringAsync(Cancellation));
        }
    }

    /// <summary>Every span of this process, with all that it carries.</summary>
    private ActivityListener Listen()
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = _ => true,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = span => _said.Add(
                $"{span.DisplayName} {span.StatusDescription} {string.Join(' ', span.TagObjects)} " +
                $"{string.Join(' ', span.Events.SelectMany(at => at.Tags))}"),
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }

    private sealed class Everything : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public IReadOnlyCollection<string> Lines => _lines;

        public void Add(string line) => _lines.Enqueue(line);

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
        {
            Add(state.ToString() ?? "");
            return null;
        }

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Add($"{formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }
    }
}
