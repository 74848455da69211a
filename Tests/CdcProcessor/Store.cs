using AspireCdc.CdcProcessor;
using AspireCdc.ClickHouseMigrator;
using AspireCdc.Star.Difference;
using AspireCdc.Star.Model;
using AspireCdc.Tests.Fixtures;
using ClickHouse.Driver.ADO;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>A database pair of one test, with the same four tables in both, and processors between them.</summary>
internal sealed class Store : IAsyncDisposable
{
    public const string Publication = "redpanda_cdc_publication";

    /// <summary>A few rows of every table.</summary>
    public const string FewRows = """
        INSERT INTO customer (email, name, country, city) SELECT 'c' || i || '@x.org', 'Customer ' || i, 'CH', 'Bern'
            FROM generate_series(1, 5) i;
        INSERT INTO product (name, category, price) VALUES ('Product', 'Tools', 1.99);
        INSERT INTO "order" (customer_id, total) SELECT 1 + i % 5, i FROM generate_series(1, 10) i;
        INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT 1 + i % 10, 1, i, 2.50 FROM generate_series(1, 20) i;
        """;

    private readonly List<Migration> _changes = [];
    private readonly List<WebApplication> _processors = [];

    private readonly Example _example;

    /// <summary>Whether the database in ClickHouse goes with this: merges of what nobody reads would take time from other tests.</summary>
    private bool _isDropped;

    private Store(TestDatabase postgres, TestClickHouse clickhouse, Example example)
    {
        _example = example;
        Model = example.Model;
        Postgres = postgres;
        ClickHouse = clickhouse;
        Slot = NewSlot();
    }

    /// <summary>The source; after a failover another one.</summary>
    public TestDatabase Postgres { get; set; }

    public TestClickHouse ClickHouse { get; }

    public string Slot { get; }

    /// <summary>What the processors logged, a line an entry.</summary>
    public LogLines Log { get; } = new();

    public static async Task<Store> CreateAsync(
        PostgresServer postgres, ClickHouseServer clickhouse, CancellationToken cancellationToken, Example? example = null)
    {
        var shop = await CreateAsync(
            postgres.CreateDatabaseAsync(cancellationToken), clickhouse.CreateDatabaseAsync(cancellationToken), cancellationToken, example);
        shop._isDropped = true;
        return shop;
    }

    public static async Task<Store> CreateAsync(
        Task<TestDatabase> postgres, Task<TestClickHouse> clickhouse, CancellationToken cancellationToken, Example? example = null)
    {
        var shop = new Store(await postgres, await clickhouse, example ?? Example.Store);
        await shop.Postgres.ExecuteAsync(shop._example.Tables, cancellationToken);
        foreach (var (name, appendOnly, published) in Publications.Of(shop.Model, Publication))
        {
            var tables = string.Join(", ", published.Select(table => $"\"{table.Schema}\".\"{table.Name}\""));
            await shop.Postgres.ExecuteAsync(
                $"CREATE PUBLICATION {name} FOR TABLE {tables}{(appendOnly ? " WITH (publish = 'insert')" : "")}", cancellationToken);
        }
        await shop.MigrateAsync(cancellationToken);
        return shop;
    }

    /// <summary>Over a database that <c>init-db</c> has made.</summary>
    public static async Task<Store> OverAsync(TestDatabase postgres, ClickHouseServer clickhouse, CancellationToken cancellationToken)
    {
        var shop = new Store(postgres, await clickhouse.CreateDatabaseAsync(cancellationToken), Example.Store) { _isDropped = true };
        await shop.MigrateAsync(cancellationToken);
        return shop;
    }

    /// <summary>Over two databases that have the model's tables.</summary>
    public static Store Over(TestDatabase postgres, TestClickHouse clickhouse, StarModel model) =>
        new(postgres, clickhouse, Example.Store) { Model = model };

    public async Task MigrateAsync(CancellationToken cancellationToken)
    {
        var target = new ClickHouseConnectionStringBuilder(ClickHouse.ConnectionString);
        await new Migrator(target, null, NullLogger<Migrator>.Instance).ApplyAsync(
            [.. Migration.ReadAll(Path.Combine(Repository.Root, "ClickHouseMigrator", "Migrations")), Made, .. _changes],
            cancellationToken);
        await new TableSettings(target, null, NullLogger<TableSettings>.Instance).ApplyAsync(Model, cancellationToken);
    }

    /// <summary>Makes ClickHouse's tables those of the next model, as 'add' would write it, and has processors replicate that.</summary>
    public async Task MigrateToAsync(StarModel next, CancellationToken cancellationToken)
    {
        var difference = ModelDifference.Between(Model, next, SaidChanges.Nothing);
        _changes.Add(new($"{_changes.Count + 2:000}_next", MigrationScript.Write(difference)));
        Model = next;
        await MigrateAsync(cancellationToken);
    }

    /// <summary>Settings of a processor between the two.</summary>
    public string[] Arguments =>
    [
        "--urls", "http://127.0.0.1:0",
        "--ConnectionStrings:shop", Postgres.ConnectionString,
        "--ConnectionStrings:clickhouse", ClickHouse.ConnectionString,
        "--Cdc:Slot", Slot,
        "--Cdc:Model", _example.ModelFile,
    ];

    /// <summary>What the processors replicate.</summary>
    public StarModel Model { get; set; }

    /// <summary>Their tables in ClickHouse.</summary>
    private Migration Made =>
        new("001_tables", MigrationScript.Write(ModelDifference.Between(StarModel.Empty, _example.Model, SaidChanges.Nothing)));

    /// <summary>The store's own tables and facts.</summary>
    public static StarModel Own => Example.Store.Model;

    /// <summary>Starts a processor in this process.</summary>
    public async Task<WebApplication> StartAsync(CancellationToken cancellationToken, params string[] settings)
    {
        var processor = CdcProcessorApp.Create([.. Arguments, .. settings], builder =>
        {
            builder.Logging.ClearProviders();
            builder.Logging.AddProvider(Log);
            builder.Services.AddSingleton(Model);
        });
        _processors.Add(processor);
        await processor.StartAsync(cancellationToken);
        return processor;
    }

    public async Task<WebApplication> StartStreamingAsync(CancellationToken cancellationToken, params string[] settings)
    {
        var processor = await StartAsync(cancellationToken, settings);
        await WaitForPhaseAsync(processor, Phase.Streaming, cancellationToken);
        return processor;
    }

    /// <summary>The same over a few rows, with the star equal to them.</summary>
    public async Task<WebApplication> StartFollowingAsync(CancellationToken cancellationToken)
    {
        await ExecuteAsync(FewRows, cancellationToken);
        var processor = await StartStreamingAsync(cancellationToken);
        await AssertStarEqualsJoinAsync(cancellationToken);
        return processor;
    }

    /// <summary>The same, with all copied.</summary>
    public async Task<WebApplication> StartCopiedAsync(CancellationToken cancellationToken, params string[] settings)
    {
        var processor = await StartStreamingAsync(cancellationToken, settings);
        await WaitUntilCopiedAsync(cancellationToken);
        return processor;
    }

    public Task WaitForPhaseAsync(WebApplication processor, Phase phase, CancellationToken cancellationToken)
    {
        var status = processor.Services.GetRequiredService<ProcessorStatus>();
        return Wait.ForAsync(() => Task.FromResult((status.Phase, status.Reason)), now => now.Phase == phase,
            $"the processor to be {phase}; its log:\n{Log}\n", cancellationToken);
    }

    /// <summary>Waits until the copies of all tables are recorded as done. A slot must first wait for every transaction on the server,
    /// those of other tests included.</summary>
    public Task WaitUntilCopiedAsync(CancellationToken cancellationToken) => Wait.ForAsync(
        () => QueryAsync("SELECT countIf(startsWith(state, 'Done')) FROM cdc_progress WHERE kind = 'copy'", cancellationToken), done =>
            done == $"{Model.Tables.Count}\n",
        $"all copies to be done; log:\n{Log}\n", cancellationToken, TimeSpan.FromMinutes(3));

    public async Task StopAsync(WebApplication processor)
    {
        _processors.Remove(processor);
        await processor.StopAsync(CancellationToken.None);
        await processor.DisposeAsync();
    }

    /// <summary>Drops the slot as soon as the server has noticed that nobody reads it any more.</summary>
    public async Task DropSlotAsync(CancellationToken cancellationToken)
    {
        await Wait.UntilAsync(
            async () =>
                !await Postgres.ScalarAsync<bool>($"SELECT active FROM pg_replication_slots WHERE slot_name = '{Slot}'", cancellationToken),
            $"slot {Slot} to be free", cancellationToken);
        await Postgres.ExecuteAsync(
            $"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{Slot}'", cancellationToken);
    }

    public Task ExecuteAsync(string sql, CancellationToken cancellationToken) => Postgres.ExecuteAsync(sql, cancellationToken);

    public Task<string> QueryAsync(string sql, CancellationToken cancellationToken) => ClickHouse.QueryAsync(sql, cancellationToken);

    /// <summary>An empty table takes the place of one in ClickHouse, which is there as <c>former</c>.</summary>
    public async Task ExchangeAsync(string table, CancellationToken cancellationToken)
    {
        await QueryAsync($"CREATE TABLE former AS {table}", cancellationToken);
        await ExchangeBackAsync(table, cancellationToken);
    }

    /// <summary>The table <c>former</c> takes the place of one in ClickHouse, once more.</summary>
    public Task ExchangeBackAsync(string table, CancellationToken cancellationToken) =>
        QueryAsync($"EXCHANGE TABLES {table} AND former", cancellationToken);

    /// <summary>
    /// Waits until all that PostgreSQL has committed is visible in ClickHouse, and compares every table with the SQL
    /// join: row for row and value for value.
    /// </summary>
    public async Task AssertStarEqualsJoinAsync(CancellationToken cancellationToken, TimeSpan? deadline = null)
    {
        foreach (var (name, source, columns) in ModelOracle.Of(Model))
        {
            var rows = await ModelOracle.ReadPostgresAsync(Postgres, source, columns, cancellationToken);
            await Wait.ForAsync(
                () => ModelOracle.CompareAsync(ClickHouse, name, columns, rows, cancellationToken), difference => difference.Length == 0,
                $"{name} to hold what PostgreSQL does; the processor's log:\n{Log}\n", cancellationToken,
                deadline ?? TimeSpan.FromMinutes(3));
        }
        // And once more by SQL that was written by hand.
        foreach (var (name, source, star) in Model == Example.Store.Model ? StarOracle.Tables : [])
        {
            var expected = await StarOracle.ReadPostgresAsync(Postgres, source, cancellationToken);
            await Wait.ForAsync(
                () => StarOracle.CompareAsync(ClickHouse, star, expected, cancellationToken), difference => difference.Length == 0,
                $"{name} to equal its join; the processor's log:\n{Log}\n", cancellationToken,
                deadline ?? TimeSpan.FromMinutes(3));
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var processor in _processors.ToList())
            await StopAsync(processor);
        try
        {
            await DropSlotAsync(CancellationToken.None);
        }
        catch (NpgsqlException)
        {
            // The server of this test is stopped, or a sender is on its way out.
        }
        if (_isDropped)
            await ClickHouse.QueryAsync($"DROP DATABASE {ClickHouse.Name}", CancellationToken.None);
    }

    private static string NewSlot() => "slot_" + Guid.NewGuid().ToString("N")[..12];
}
