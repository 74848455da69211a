namespace AspireCdc.Benchmarks.Cdc.Contenders;

/// <summary>Our processor as the connector, PostgreSQL to Kafka: transactions, six partitions, its defaults.</summary>
internal sealed class Connector(StoreDatabase database, KafkaBroker broker, Action<string> log, int round) : IContender
{
    private ProcessorProgram? _processor;
    private KafkaFollower? _follower;
    private long _before;

    public string Slot { get; } = $"bench_connector_{round}";

    public string Topic { get; } = $"bench_{round}";

    public IReadOnlyDictionary<string, int> Processes { get; private set; } = new Dictionary<string, int>();

    private KafkaTopic Records => new(broker.BootstrapServers, Topic);

    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await broker.StartAsync(cancellationToken);
        StartProcessor();
        // It streams once the copy is in the topic.
        await _processor!.ReadyAsync(cancellationToken);
        await StopAsync();
    }

    public async Task StartAsync(Workload? workload, CancellationToken cancellationToken)
    {
        _before = Records.End();
        StartProcessor();
        Processes = new Dictionary<string, int> { ["connector"] = await _processor!.Pid };
    }

    public Task LastChangeAsync(Workload workload, CancellationToken cancellationToken) =>
        Records.ReachesAsync(_before + workload.Changes, cancellationToken);

    public Task<string?> VerifyAsync(Workload workload, CancellationToken cancellationToken)
    {
        var found = Records.Count(message => message.Value is { } value
            && (value.AsSpan().IndexOf("\"operation\":\"insert\""u8) >= 0 || value.AsSpan().IndexOf("\"operation\":\"update\""u8) >= 0),
            cancellationToken);
        return Task.FromResult(found == workload.Changes ? null : $"{found} records for {workload.Changes} changes");
    }

    public Task OrderAsync(long id, CancellationToken cancellationToken)
    {
        _follower ??= new KafkaFollower(Records);
        return _follower.FindAsync(id, cancellationToken);
    }

    public async Task StopAsync()
    {
        _follower?.Dispose();
        _follower = null;
        if (_processor is not null)
            await _processor.DisposeAsync();
        _processor = null;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await database.DropSlotAsync(Slot, CancellationToken.None);
    }

    private void StartProcessor() =>
        _processor = ProcessorProgram.Start(new()
        {
            ["Cdc__Model"] = database.Model,
            ["Cdc__Sink"] = "kafka",
            ["ConnectionStrings__shop"] = database.Replication.ConnectionString,
            ["ConnectionStrings__kafka"] = broker.BootstrapServers,
            ["Cdc__Publication"] = StoreDatabase.Publication,
            ["Cdc__Slot"] = Slot,
            ["Cdc__Topic"] = Topic,
        }, log);
}
