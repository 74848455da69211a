using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using AspireCdc.Tests.Fixtures;
using Xunit;

[assembly: AssemblyFixture(typeof(AspireCdc.Tests.AppHost.SharedStack))]

namespace AspireCdc.Tests.AppHost;

/// <summary>The whole graph with its dashboard, on free ports, started when the first test asks for it.</summary>
public sealed class SharedStack : IAsyncDisposable
{
    /// <summary>Tests that share the graph run one after the other, since some of them end its processes.</summary>
    public const string Collection = "the shared stack";

    /// <summary>No test waits longer for what does not come, in milliseconds; the first one starts the graph.</summary>
    internal const int Deadline = 600_000;

    internal const string BrowserToken = "token-of-the-tests";
    internal const string ApiKey = "api-key-of-the-tests-0123456789";

    /// <summary>This graph's own, which differ from the documented ones and may stand nowhere.</summary>
    internal const string OperationsToken = "token-s3cret";

    private const string PostgresPassword = "pg-s3cret", ClickHousePassword = "ch-s3cret", CdcPassword = "cdc-s3cret";

    internal static readonly string[] Secrets = [PostgresPassword, ClickHousePassword, CdcPassword, OperationsToken];

    private static readonly string[] Services = ["postgres", "clickhouse", "cdc-processor", "api", "aspire-dashboard"];
    private static readonly string[] Migrations = ["init-db", "clickhouse-migrator"];

    private readonly SemaphoreSlim _starting = new(1);
    private readonly TemporaryFolder _folder = new();
    private readonly CancellationTokenSource _watching = new();
    private DistributedApplication? _app;
    private Task<List<(string, string)>>? _states;

    internal string StateFolder => _folder.Path;

    /// <summary>The migrations as they were when the graph had just become healthy; tests start and end resources later.</summary>
    internal IReadOnlyDictionary<string, CustomResourceSnapshot> AtStart { get; private set; } =
        new Dictionary<string, CustomResourceSnapshot>();

    /// <summary>
    /// The resources' states in the order in which they came, until the graph was healthy. (The orchestrator's own times cannot be
    /// compared: a process's start is the kernel's count of ticks, its end the wall clock.)
    /// </summary>
    internal IReadOnlyList<(string Resource, string State)> Order { get; private set; } = [];

    /// <summary>The application, every resource of it healthy.</summary>
    internal async Task<DistributedApplication> StartedAsync(CancellationToken cancellationToken)
    {
        await _starting.WaitAsync(cancellationToken);
        try
        {
            if (_app is null)
            {
                var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.AppHost>(
                    [
                        "--stack", "embedded", "--state", StateFolder,
                        $"--Parameters:postgres-password={PostgresPassword}", $"--Parameters:clickhouse-password={ClickHousePassword}",
                        $"--Parameters:cdc-password={CdcPassword}", $"--Parameters:operations-token={OperationsToken}",
                    ],
                    (options, _) => options.DisableDashboard = false,
                    cancellationToken);
                builder.Configuration["AppHost:BrowserToken"] = BrowserToken;
                builder.Configuration["AppHost:DashboardApiKey"] = ApiKey;
                _app = await builder.BuildAsync(cancellationToken);
                _states = StatesAsync(_app.ResourceNotifications, _watching.Token);
                await _app.StartAsync(cancellationToken);
            }

            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            deadline.CancelAfter(TimeSpan.FromMinutes(3));
            await Task.WhenAll(Services.Select(name => _app.ResourceNotifications.WaitForResourceHealthyAsync(name, deadline.Token)));
            if (AtStart.Count == 0)
            {
                AtStart = Migrations.ToDictionary(name => name, name => Snapshot(_app, name));
                await _watching.CancelAsync();
                Order = await _states!;
            }

            return _app;
        }
        finally
        {
            _starting.Release();
        }
    }

    internal static CustomResourceSnapshot Snapshot(DistributedApplication app, string resource) =>
        app.ResourceNotifications.TryGetCurrentState(resource, out var now)
            ? now.Snapshot
            : throw new InvalidOperationException($"There is no resource {resource}.");

    /// <summary>Asks the graph's ClickHouse, as its user.</summary>
    internal static async Task<HttpResponseMessage> AskClickHouseAsync(
        DistributedApplication app, string sql, CancellationToken cancellationToken)
    {
        using var clickHouse = app.CreateHttpClient("clickhouse");
        return await clickHouse.PostAsync(
            $"/?user=panda&password={ClickHousePassword}&database=local", new StringContent(sql), cancellationToken);
    }

    private static async Task<List<(string, string)>> StatesAsync(
        ResourceNotificationService notifications, CancellationToken cancellationToken)
    {
        var states = new List<(string, string)>();
        try
        {
            await foreach (var change in notifications.WatchAsync(cancellationToken))
            {
                if (change.Snapshot.State is { } state)
                    states.Add((change.Resource.Name, state.Text));
            }
        }
        catch (OperationCanceledException)
        {
            // The graph is healthy: nobody asks for what comes after.
        }

        return states;
    }

    public async ValueTask DisposeAsync()
    {
        await _watching.CancelAsync();
        _watching.Dispose();
        if (_app is not null)
            await _app.DisposeAsync();
        _folder.Dispose();
        _starting.Dispose();
    }
}
