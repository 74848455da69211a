using AspireCdc.AppHost.Embedded;
using AspireCdc.Benchmarks.Machine;

namespace AspireCdc.Benchmarks.Cdc.Contenders;

/// <summary>ClickHouse's own engine for the task, with its defaults: it reads the slot from inside ClickHouse and keeps a
/// copy of the tables, no star.</summary>
internal sealed class MaterializedPostgreSql(
    StoreDatabase database, TemporaryFolder folder, EmbeddedBinaries binaries, Action<string> log, int round) : IContender
{
    private const string Copy = "copy";

    private static readonly TimeSpan CopyDeadline = TimeSpan.FromMinutes(5);

    private readonly ClickHouseServer _server = new($"materialized {round}", folder.Of($"materialized-{round}"), binaries.ChDbLibrary, log);
    private string? _slot;

    public string? Slot => _slot;

    public IReadOnlyDictionary<string, int> Processes { get; private set; } = new Dictionary<string, int>();

    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await _server.StartAsync(cancellationToken);
        var source = database.Superuser;
        var before = await SlotsAsync(cancellationToken);
        // The unique identifier goes into the slot's name, so that several rounds have one each.
        await _server.QueryAsync(
            $"""
            CREATE DATABASE {Copy} ENGINE = MaterializedPostgreSQL('localhost:{source.Port}', '{source.Database}', '{source.Username}',
                '{source.Password}')
            SETTINGS materialized_postgresql_tables_list = 'customer,product,order,orderitem',
                materialized_postgresql_use_unique_replication_consumer_identifier = 1
            """, cancellationToken, "default", "allow_experimental_database_materialized_postgresql=1");
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(CopyDeadline);
        while (!await _server.CountsAsync(
            $"SELECT least((SELECT count() FROM {Copy}.customer) - {Workload.Customers}, (SELECT count() FROM {Copy}.product) - " +
            $"{Workload.Products})", 0, deadline.Token)
            || !await _server.CountsAsync($"SELECT count() FROM system.tables WHERE database = '{Copy}'", 4, deadline.Token))
            await Task.Delay(50, deadline.Token);
        _slot = (await SlotsAsync(cancellationToken)).Except(before).Single();
        await _server.StopAsync();
    }

    public async Task StartAsync(Workload? workload, CancellationToken cancellationToken)
    {
        await _server.StartAsync(cancellationToken);
        Processes = new Dictionary<string, int> { ["ClickHouse"] = await _server.Pid };
    }

    public async Task LastChangeAsync(Workload workload, CancellationToken cancellationToken)
    {
        await database.SentAsync(_slot!, workload.End, cancellationToken);
        await Poll.UntilAsync(
            () => _server.CountsAsync($"SELECT count() FROM {Copy}.`order` WHERE id = 1 AND status = '{Workload.LastStatus}'",
                1, cancellationToken), Poll.Drain, cancellationToken);
    }

    public Task<string?> VerifyAsync(Workload workload, CancellationToken cancellationToken) =>
        Workload.Landing.Over($"{Copy}.`order`", "id", $"{Copy}.orderitem", "id").DifferenceAsync(database, _server, cancellationToken);

    public Task OrderAsync(long id, CancellationToken cancellationToken) =>
        Poll.UntilAsync(() => _server.CountsAsync($"SELECT count() FROM {Copy}.`order` WHERE id = {id}", 1, cancellationToken), Poll.Commit,
            cancellationToken);

    public Task StopAsync() => _server.StopAsync();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        if (_slot is not null)
            await database.DropSlotAsync(_slot, CancellationToken.None);
    }

    private async Task<string[]> SlotsAsync(CancellationToken cancellationToken) =>
        await database.ScalarAsync<string[]>(
            "SELECT coalesce(array_agg(slot_name::text), '{}') FROM pg_replication_slots WHERE NOT temporary", cancellationToken);
}
