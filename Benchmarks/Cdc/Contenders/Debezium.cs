using AspireCdc.Benchmarks.Machine;

namespace AspireCdc.Benchmarks.Cdc.Contenders;

/// <summary>Debezium on a standalone Kafka Connect worker: the lighter task, since its changes end in Kafka.</summary>
internal sealed class Debezium(StoreDatabase database, TemporaryFolder folder, KafkaBroker broker, int round) : IContender
{
    private const int WorkerHeapMb = 2048;

    private readonly string _prefix = $"debezium{round}";
    private BuiltProgram? _worker;
    private KafkaFollower? _follower;

    public string Slot { get; } = $"bench_debezium_{round}";

    public IReadOnlyDictionary<string, int> Processes { get; private set; } = new Dictionary<string, int>();

    private KafkaTopic Topic => new(broker.BootstrapServers, $"{_prefix}.public.order", $"{_prefix}.public.orderitem");

    /// <summary>Why it cannot run here, or null.</summary>
    public static string? MissingBecause(KafkaBroker? broker)
    {
        if (broker is null)
            return KafkaBroker.MissingBecause();
        return Directory.Exists(broker.Plugins)
            && Directory.EnumerateFiles(broker.Plugins, "debezium-connector-postgres-*.jar", SearchOption.AllDirectories).Any() ? null
            : "KAFKA_HOME has no Debezium PostgreSQL connector in plugins/";
    }

    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await broker.StartAsync(cancellationToken);
        await database.CreateSlotAsync(Slot, cancellationToken);
    }

    public async Task StartAsync(Workload? workload, CancellationToken cancellationToken)
    {
        var home = Directory.CreateDirectory(folder.Of(_prefix)).FullName;
        var worker = Path.Combine(home, "worker.properties");
        var connector = Path.Combine(home, "connector.properties");
        await File.WriteAllTextAsync(worker, Worker(home), cancellationToken);
        await File.WriteAllTextAsync(connector, Connector(), cancellationToken);
        _worker = broker.Java("debezium", "org.apache.kafka.connect.cli.ConnectStandalone", [worker, connector], WorkerHeapMb);
        Processes = new Dictionary<string, int> { ["Connect"] = await _worker.Pid };
    }

    public async Task LastChangeAsync(Workload workload, CancellationToken cancellationToken)
    {
        var arrived = Topic.ReachesAsync(workload.Changes, cancellationToken);
        if (await Task.WhenAny(arrived, _worker!.Exited) != arrived)
            throw new BenchmarkException(_worker.LastWords);
        await arrived;
    }

    public Task<string?> VerifyAsync(Workload workload, CancellationToken cancellationToken)
    {
        var found = Topic.Count(_ => true, cancellationToken);
        return Task.FromResult(found == workload.Changes ? null : $"{found} records for {workload.Changes} changes");
    }

    public Task OrderAsync(long id, CancellationToken cancellationToken)
    {
        _follower ??= new KafkaFollower(Topic);
        return _follower.FindAsync(id, cancellationToken);
    }

    public async Task StopAsync()
    {
        _follower?.Dispose();
        _follower = null;
        if (_worker is not null)
            await _worker.DisposeAsync();
        _worker = null;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await database.DropSlotAsync(Slot, CancellationToken.None);
    }

    private string Worker(string home) => $"""
        bootstrap.servers={broker.BootstrapServers}
        plugin.path={broker.Plugins}
        listeners=http://127.0.0.1:{FreePort.Next()}
        offset.storage.file.filename={Path.Combine(home, "offsets")}
        key.converter=org.apache.kafka.connect.json.JsonConverter
        key.converter.schemas.enable=false
        value.converter=org.apache.kafka.connect.json.JsonConverter
        value.converter.schemas.enable=false
        """;

    private string Connector()
    {
        var source = database.Superuser;
        return $"""
            name={_prefix}
            connector.class=io.debezium.connector.postgresql.PostgresConnector
            tasks.max=1
            database.hostname=127.0.0.1
            database.port={source.Port}
            database.user={source.Username}
            database.password={source.Password}
            database.dbname={source.Database}
            topic.prefix={_prefix}
            plugin.name=pgoutput
            slot.name={Slot}
            publication.name={StoreDatabase.Publication}
            publication.autocreate.mode=disabled
            snapshot.mode=no_data
            max.batch.size=8192
            max.queue.size=32768
            """;
    }
}
