using AspireCdc.AppHost.Embedded;
using AspireCdc.Benchmarks.Machine;

namespace AspireCdc.Benchmarks.Cdc.Contenders;

/// <summary>
/// Our processor behind Kafka: it drains the topic that the connector filled in the same round, into landing tables and star. Single
/// commits go the whole way, through the connector.
/// </summary>
internal sealed class BehindKafka(StoreDatabase database, TemporaryFolder folder, EmbeddedBinaries binaries, KafkaBroker broker,
    Connector connector, Action<string> log, int round)
    : IContender
{
    private readonly ClickHouseServer _server = new($"behind-kafka {round}", folder.Of($"behind-kafka-{round}"), binaries.ChDbLibrary, log);
    private ProcessorProgram? _processor;

    public string? Slot => null;

    public IReadOnlyDictionary<string, int> Processes { get; private set; } = new Dictionary<string, int>();

    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await _server.StartAsync(cancellationToken);
        await _server.MigrateAsync(database.Model, cancellationToken);
        StartProcessor();
        await Poll.UntilAsync(
            () => _server.CountsAsync("SELECT (SELECT count() FROM customer_dim) + (SELECT count() FROM product_dim)", Workload.Customers +
                Workload.Products, cancellationToken),
            Poll.Drain, cancellationToken);
        await StopAsync();
    }

    public async Task StartAsync(Workload? workload, CancellationToken cancellationToken)
    {
        if (workload is null)
            await connector.StartAsync(null, cancellationToken);
        await _server.StartAsync(cancellationToken);
        StartProcessor();
        Processes = new Dictionary<string, int> { ["processor"] = await _processor!.Pid, ["ClickHouse"] = await _server.Pid };
        await _processor.ReadyAsync(cancellationToken);
    }

    public Task LastChangeAsync(Workload workload, CancellationToken cancellationToken) => Star.LastChangeAsync(_server, cancellationToken);

    public Task<string?> VerifyAsync(Workload workload, CancellationToken cancellationToken) =>
        Star.VerifyAsync(database, _server, cancellationToken);

    public Task OrderAsync(long id, CancellationToken cancellationToken) => Star.OrderAsync(_server, id, cancellationToken);

    public async Task StopAsync()
    {
        await connector.StopAsync();
        if (_processor is not null)
            await _processor.DisposeAsync();
        _processor = null;
        await _server.StopAsync();
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private void StartProcessor() =>
        _processor = ProcessorProgram.Start(new()
        {
            ["Cdc__Model"] = database.Model,
            ["Cdc__Source"] = "kafka",
            ["ConnectionStrings__kafka"] = broker.BootstrapServers,
            ["ConnectionStrings__clickhouse"] = _server.ConnectionString,
            ["Cdc__Topic"] = connector.Topic,
            ["Cdc__Group"] = $"bench_{round}",
        }, log);
}
