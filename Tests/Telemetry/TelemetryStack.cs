using System.Collections.Concurrent;
using AspireCdc.Api.InitDb;
using AspireCdc.AppHost.Embedded;
using AspireCdc.Tests.Api;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace AspireCdc.Tests.Telemetry;

/// <summary>
/// API and processor as processes of their own, which export to a receiver: in one process the meters of all tests would be one.
/// </summary>
public sealed class TelemetryStack(PostgresServer postgres, ClickHouseServer clickhouse) : IAsyncLifetime
{
    private readonly List<GuardedProcess> _processes = [];
    private readonly ConcurrentQueue<string> _log = [];

    internal OtlpReceiver Receiver { get; private set; } = null!;

    internal HttpClient Api { get; } = new();

    internal HttpClient Processor { get; } = new();

    internal Store Store { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var cancel = TestContext.Current.CancellationToken;
        Receiver = await OtlpReceiver.StartAsync(cancel);
        var database = await postgres.CreateDatabaseAsync(cancel);
        await using (var tools = ApiServer.Create(database.ConnectionString, database.Name))
        await using (var scope = tools.Services.CreateAsyncScope())
            await scope.ServiceProvider.GetRequiredService<ShopDatabase>().InitializeAsync(cancel);
        Store = await Store.OverAsync(database, clickhouse, cancel);

        Api.BaseAddress = Start("Api", "api", "--ConnectionStrings:shop", database.ConnectionString, "--ConnectionStrings:clickhouse",
            Store.ClickHouse.ConnectionString);
        Processor.BaseAddress = Start("CdcProcessor", "cdc-processor", [.. Store.Arguments.Skip(2)]);
        foreach (var service in (HttpClient[])[Api, Processor])
            await Wait.UntilAsync(() => IsReadyAsync(service, cancel),
                $"{service.BaseAddress} to be ready; the log:\n{string.Join('\n', _log)}\n", cancel, TimeSpan.FromMinutes(2));
        await Store.WaitUntilCopiedAsync(cancel);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            await process.StopAsync();
            await process.DisposeAsync();
        }
        Api.Dispose();
        Processor.Dispose();
        await Store.DisposeAsync();
        await Receiver.DisposeAsync();
    }

    private Uri Start(string project, string service, params string[] arguments)
    {
        var address = new Uri($"http://127.0.0.1:{FreePort.Next()}");
        _processes.Add(GuardedProcess.Start(
            ["dotnet", Repository.ProgramOf(project), "--urls", address.ToString(), .. arguments], Receiver.EnvironmentOf(service),
            _log.Enqueue));
        return address;
    }

    private static async Task<bool> IsReadyAsync(HttpClient service, CancellationToken cancellationToken)
    {
        try
        {
            return (await service.GetAsync("/ready", cancellationToken)).IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
