using AspireCdc.AppHost.Embedded;
using AspireCdc.Benchmarks.Machine;
using Npgsql;

namespace AspireCdc.Benchmarks.Cdc.Contenders;

/// <summary>Our processor, PostgreSQL to ClickHouse, as the child process it is in use, with its
/// defaults: landing tables and star.</summary>
internal sealed class DirectPair(
    StoreDatabase database, TemporaryFolder folder, EmbeddedBinaries binaries, Action<string> log, int round, SslMode tls = SslMode.Disable)
    : IContender
{
    private readonly ClickHouseServer _server = new($"direct {tls} {round}", folder.Of($"direct-{tls}-{round}"), binaries.ChDbLibrary, log);
    private ProcessorProgram? _processor;

    public string Slot { get; } = tls == SslMode.Disable ? $"bench_direct_{round}" : $"bench_direct_tls_{round}";

    public IReadOnlyDictionary<string, int> Processes { get; private set; } = new Dictionary<string, int>();

    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await _server.StartAsync(cancellationToken);
        await _server.MigrateAsync(database.Model, cancellationToken);
        StartProcessor();
        await _processor!.ReadyAsync(cancellationToken);
        await Star.CopiedAsync(_server, cancellationToken);
        await StopAsync();
    }

    public async Task StartAsync(Workload? workload, CancellationToken cancellationToken)
    {
        await _server.StartAsync(cancellationToken);
        StartProcessor();
        Processes = new Dictionary<string, int> { ["processor"] = await _processor!.Pid, ["ClickHouse"] = await _server.Pid };
    }

    public async Task LastChangeAsync(Workload workload, CancellationToken cancellationToken)
    {
        await database.SentAsync(Slot, workload.End, cancellationToken);
        await Star.LastChangeAsync(_server, cancellationToken);
    }

    public Task<string?> VerifyAsync(Workload workload, CancellationToken cancellationToken) =>
        Star.VerifyAsync(database, _server, cancellationToken);

    public Task OrderAsync(long id, CancellationToken cancellationToken) => Star.OrderAsync(_server, id, cancellationToken);

    public async Task StopAsync()
    {
        if (_processor is not null)
            await _processor.DisposeAsync();
        _processor = null;
        await _server.StopAsync();
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
            ["ConnectionStrings__shop"] = new NpgsqlConnectionStringBuilder(
                database.Replication.ConnectionString)
            { SslMode = tls }.ConnectionString,
            ["ConnectionStrings__clickhouse"] = _server.ConnectionString,
            ["Cdc__Publication"] = StoreDatabase.Publication,
            ["Cdc__Slot"] = Slot,
        }, log);
}
