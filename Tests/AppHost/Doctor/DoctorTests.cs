using System.Net;
using System.Net.Sockets;
using AspireCdc.Api.InitDb;
using AspireCdc.AppHost;
using AspireCdc.AppHost.Doctor;
using AspireCdc.ServiceDefaults;
using AspireCdc.Tests.Api;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.AppHost.Doctor;

/// <summary>The doctor finds what is wrong, each by its own check and with its cure, and nothing where all is well.</summary>
public sealed class DoctorTests(ClickHouseServer clickhouse)
{
    private static readonly string[] Everything = ["postgres", "clickhouse", "cdc-processor", "api"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(Timeout = 600_000)]
    public async Task It_finds_each_of_the_faults_that_are_made_on_purpose()
    {
        var settings = new Dictionary<string, string> { ["max_prepared_transactions"] = "5" };
        await using var server = await PostgresServer.StartOwnAsync(Cancel, settings);
        var database = new TestDatabase("shop", server.ConnectionString);
        var api = ApiServer.Create(database.ConnectionString, database.Name);
        await using (var scope = api.Services.CreateAsyncScope())
            await scope.ServiceProvider.GetRequiredService<ShopDatabase>().InitializeAsync(Cancel);
        (await ApiServer.StartAsync(api)).Dispose();
        await using var store = await Store.OverAsync(database, clickhouse, Cancel);
        await using var gate = await ClickHouseGate.StartAsync(store.ClickHouse);
        var processor = await store.StartStreamingAsync(
            Cancel, "--ConnectionStrings:clickhouse", gate.ConnectionStringOf(store.ClickHouse));
        await store.WaitUntilCopiedAsync(Cancel);
        var patient = Of(store, processor, api);
        var found = 0;

        await WellAsync();

        // What runs tells of itself.
        await PostAsync(patient, "pause");
        await FindsAsync("cdc-processor", "streams", "paused", "resume");
        await PostAsync(patient, "resync?table=customer");
        await FindsAsync("cdc-processor", "copies", "not copied yet: customer", "status");
        await PostAsync(patient, "resume");
        await WellAsync();
        await database.ExecuteAsync(
            """
            INSERT INTO customer (email, name, country, city) VALUES ('a@b.c', 'A', 'B', 'C');
            INSERT INTO "order" (customer_id, total, order_date) VALUES (1, 1, '10000-01-01')
            """, Cancel);
        await FindsAsync("cdc-processor", "dead letters", "1 changes could not be applied", "dead-letters list");
        await PostAsync(patient, "dead-letters/drop?all=true");
        await store.QueryAsync("ALTER TABLE customer_dim DELETE WHERE true SETTINGS mutations_sync = 1", Cancel);
        await PostAsync(patient, "verify?table=customer");
        await FindsAsync("cdc-processor", "verification", "", "verify --repair");
        await PostAsync(patient, "verify?table=customer&repair=true");
        await WellAsync();
        gate.Hold("INSERT INTO `product_dim`");
        await database.ExecuteAsync("INSERT INTO product (name, category, price) VALUES ('A', 'B', 1)", Cancel);
        await FindsAsync("cdc-processor", "lag", "behind", "cdc.sink.duration", With(new() { LagSeconds = 0.1 }));
        gate.Open();
        await WithAsync("ALTER TABLE customer RENAME TO client", "ALTER TABLE client RENAME TO customer", async () =>
        {
            await FindsAsync("api", "is ready", "", "init-db");
            await FindsAsync("postgres", "tables", "\"public\".\"customer\" is missing", "init-db");
        });
        await InClickHouseAsync("RENAME TABLE product_dim TO product_gone", "RENAME TABLE product_gone TO product_dim", async () =>
        {
            await FindsAsync("cdc-processor", "streams", "product_dim", "put right what it names");
            await FindsAsync("clickhouse", "tables", "product_dim is missing", "ClickHouseMigrator");
        });
        await gate.DisposeAsync();
        await FindsAsync("cdc-processor", "streams", "refused", "put right what it names");
        await api.DisposeAsync();
        await FindsAsync("api", "answers", "does not answer", "start");
        await store.StopAsync(processor);
        await FindsAsync("cdc-processor", "answers", "does not answer", "start");
        await FindsAsync("postgres", "slot's reader", "nobody reads", "start the processor");

        // PostgreSQL's tables and rights.
        await WithAsync(
            "CREATE TABLE kept AS TABLE \"__EFMigrationsHistory\"; DELETE FROM \"__EFMigrationsHistory\"",
            "INSERT INTO \"__EFMigrationsHistory\" TABLE kept; DROP TABLE kept",
            () => FindsAsync("postgres", "migrations", "InitialSchema is not applied", "init-db"));
        await WithAsync("ALTER TABLE product RENAME category TO kind", "ALTER TABLE product RENAME kind TO category",
            () => FindsAsync("postgres", "model", "category of the model is missing", "init-db"));
        const string Publication = Store.Publication;
        await WithAsync($"ALTER PUBLICATION {Publication} RENAME TO other", $"ALTER PUBLICATION other RENAME TO {Publication}",
            () => FindsAsync("postgres", "publication", "there is no publication", "init-db"));
        await WithAsync(
            $"ALTER PUBLICATION {Publication} SET (publish = 'insert')",
            $"ALTER PUBLICATION {Publication} SET (publish = 'insert, update, delete, truncate')",
            () => FindsAsync("postgres", "publication", "leaves operations out", "init-db"));
        await WithAsync($"ALTER PUBLICATION {Publication} DROP TABLE product", $"ALTER PUBLICATION {Publication} ADD TABLE product",
            () => FindsAsync("postgres", "published tables", "lacks \"public\".\"product\"", "init-db"));
        await WithAsync("ALTER TABLE product REPLICA IDENTITY NOTHING", "ALTER TABLE product REPLICA IDENTITY DEFAULT",
            () => FindsAsync("postgres", "replica identity", "nothing", "REPLICA IDENTITY DEFAULT"));
        await WithAsync(
            "ALTER TABLE orderitem DROP CONSTRAINT pk_orderitem", "ALTER TABLE orderitem ADD CONSTRAINT pk_orderitem PRIMARY KEY (id)",
            () => FindsAsync("postgres", "replica identity", "the primary key, which it has not", "ADD PRIMARY KEY"));
        await WithAsync("ALTER ROLE cdc_shop NOREPLICATION", "ALTER ROLE cdc_shop REPLICATION",
            () => FindsAsync("postgres", "role", "lacks REPLICATION", "init-db"));
        await WithAsync("ALTER ROLE cdc_shop NOLOGIN", "ALTER ROLE cdc_shop LOGIN",
            () => FindsAsync("postgres", "role", "lacks LOGIN", "init-db"));
        await WithAsync("REVOKE SELECT ON product FROM cdc_shop", "GRANT SELECT ON product TO cdc_shop",
            () => FindsAsync("postgres", "grants", "may not read", "init-db"));
        await FindsAsync("postgres", "role", "there is no role nobody", "init-db", Named(patient.Names with { Role = "nobody" }));
        await FindsAsync("postgres", "answers", "has no database gone", "init-db", Shop("Database=shop", "Database=gone"));
        await FindsAsync("postgres", "answers", "does not let postgres in", "password", Shop("Password=postgres", "Password=wrong"));

        // What somebody has forgotten.
        await WithAsync("SELECT pg_create_physical_replication_slot('other', true)", "SELECT pg_drop_replication_slot('other')", async () =>
        {
            await FindsAsync("postgres", "slot", "physical replication", "Cdc__Slot", Named(patient.Names with { Slot = "other" }));
            await database.ExecuteAsync("SELECT pg_switch_wal()", Cancel);
            await FindsAsync(
                "postgres", "other slots", "nobody reads from slot other", "pg_drop_replication_slot",
                With(new() { ForgottenLogBytes = 1 }));
            await FindsAsync("postgres", "slot's log", "the server keeps", "start or resume", With(new() { KeptLogBytes = 1 }));
        });
        await using (var forgotten = new NpgsqlConnection(database.ConnectionString + ";Pooling=false"))
        {
            await forgotten.OpenAsync(Cancel);
            await using var transaction = await forgotten.BeginTransactionAsync(Cancel);
            await using var command = new NpgsqlCommand("SELECT 1", forgotten, transaction);
            await command.ExecuteScalarAsync(Cancel);
            await FindsAsync(
                "postgres", "open transactions", $"process {forgotten.ProcessID} holds", "pg_terminate_backend", WithoutPatience());
        }
        await WithAsync("BEGIN; CREATE TABLE left_behind (); PREPARE TRANSACTION 'left'", "ROLLBACK PREPARED 'left'",
            () => FindsAsync(
                "postgres", "open transactions", "transaction left is prepared", "ROLLBACK PREPARED 'left'", WithoutPatience()));

        // ClickHouse.
        await InClickHouseAsync("ALTER TABLE order_fact RENAME COLUMN city TO town", "ALTER TABLE order_fact RENAME COLUMN town TO city",
            () => FindsAsync("clickhouse", "columns", "order_fact.city is missing", "ClickHouseMigrator"));
        var view = store.Model.Tables.SelectMany(table => table.Companions).First().View;
        await InClickHouseAsync($"RENAME TABLE {view} TO view_gone", $"RENAME TABLE view_gone TO {view}",
            () => FindsAsync("clickhouse", "views", $"{view} is missing", "ClickHouseMigrator"));
        await InClickHouseAsync("RENAME TABLE schema_migration TO schema_gone", "RENAME TABLE schema_gone TO schema_migration",
            () => FindsAsync("clickhouse", "migrations", "no migration is applied", "ClickHouseMigrator"));
        await FindsAsync("clickhouse", "latest migrations", "002_new is not applied", "ClickHouseMigrator",
            patient with { ClickHouseMigrations = [.. patient.ClickHouseMigrations, "002_new"] });
        const string Crowd = "CREATE TABLE crowd (x UInt16) ENGINE = MergeTree ORDER BY x PARTITION BY x";
        await InClickHouseAsync(Crowd, "DROP TABLE crowd", async () =>
        {
            await store.QueryAsync(
                "INSERT INTO crowd SELECT number FROM numbers(301) SETTINGS max_partitions_per_insert_block = 0", Cancel);
            await FindsAsync("clickhouse", "parts", "crowd has 301 parts", "Cdc:BatchChanges");
        });
        await FindsAsync("clickhouse", "disk", "are free on disk", "free some", With(new() { FreeBytes = long.MaxValue }));
        await FindsAsync("clickhouse", "database", "there is no database gone", "ClickHouseMigrator",
            ClickHouse($"Database={store.ClickHouse.Name}", "Database=gone"));
        await FindsAsync("clickhouse", "answers", "", "password", ClickHouse("Password=", "Password=wrong"));
        var isAt = $"Port={store.ClickHouse.Address.Port}";
        await FindsAsync("clickhouse", "answers", "refused", "start", ClickHouse(isAt, $"Port={FreePort.Next()}"));
        using (var silent = new TcpListener(IPAddress.Loopback, 0))
        {
            silent.Start();
            var port = ((IPEndPoint)silent.LocalEndpoint).Port;
            await FindsAsync("clickhouse", "answers", "does not answer within", "start",
                ClickHouse(isAt, $"Port={port}") with { Limits = new() { Patience = TimeSpan.FromMilliseconds(300) } });
        }

        // The slot, its log and the server.
        await server.StopAsync();
        await FindsAsync("postgres", "answers", "does not answer", "start");
        settings["max_slot_wal_keep_size"] = "1MB";
        await RestartAsync();
        for (var i = 0; i < 4; i++)
        {
            await database.ExecuteAsync("SELECT pg_logical_emit_message(false, 'fill', 'x')", Cancel);
            await database.ExecuteAsync("SELECT pg_switch_wal()", Cancel);
        }
        await FindsAsync("postgres", "slot's log", "loses its log at the next checkpoint", "max_slot_wal_keep_size");
        await database.ExecuteAsync("CHECKPOINT", Cancel);
        await FindsAsync("postgres", "slot's log", "lost its log", "resync --all");
        processor = await store.StartAsync(Cancel);
        await FindsAsync("cdc-processor", "streams", "", "resync --all", patient with { Processor = new(processor.Urls.Single()) });
        await store.StopAsync(processor);
        await database.ExecuteAsync($"SELECT pg_drop_replication_slot('{store.Slot}')", Cancel);
        await FindsAsync("postgres", "slot", "there is no replication slot", "start the processor");
        await server.StopAsync();
        (settings["wal_level"], settings["max_replication_slots"], settings["max_connections"]) = ("replica", "1", "10");
        await RestartAsync();
        await FindsAsync("postgres", "wal_level", "wal_level is replica", "ALTER SYSTEM");
        await WithAsync("SELECT pg_create_physical_replication_slot('other')", "SELECT pg_drop_replication_slot('other')",
            () => FindsAsync("postgres", "room for a slot", "all 1 replication slots are taken", "max_replication_slots"));
        NpgsqlConnection.ClearPool(new(database.ConnectionString));
        var held = new List<NpgsqlConnection>();
        while (held.Count < 10)
        {
            held.Add((await Wait.ForAsync(TryOpenAsync, opened => opened is not null, "a free connection", Cancel))!);
            if (held.Count == 9)
                await FindsAsync("postgres", "connections", "of 10 connections 10 are taken", "pg_stat_activity");
        }
        await FindsAsync("postgres", "answers", "has no connection left", "max_connections");
        foreach (var connection in held)
            await connection.DisposeAsync();

        found.Should().BeGreaterThanOrEqualTo(45);

        Patient With(Limits limits) => patient with { Limits = limits };

        Patient Named(CdcNames names) => patient with { Names = names };

        Patient WithoutPatience() => With(new() { ForgottenTransaction = TimeSpan.Zero });

        Patient Shop(string part, string other) => patient with { Shop = patient.Shop.Replace(part, other, StringComparison.Ordinal) };

        Patient ClickHouse(string part, string other) => patient with
        {
            ClickHouse = ClickHouseEndpoint.Parse(store.ClickHouse.ConnectionString.Replace(part, other, StringComparison.Ordinal)),
        };

        Task WellAsync() => Wait.ForAsync(
            () => IllAsync(patient), ill => ill is "", "nothing to be found", Cancel, TimeSpan.FromMinutes(2));

        async Task RestartAsync()
        {
            await server.StartAsync(Cancel);
            NpgsqlConnection.ClearPool(new(database.ConnectionString)); // The old server's.
        }

        async Task FindsAsync(string part, string check, string says, string cure, Patient? other = null)
        {
            await Wait.ForAsync(
                () => IllAsync(other ?? patient),
                ill => ill.Split('\n').Any(finding => finding.StartsWith($"{part}, {check}: ", StringComparison.Ordinal)
                    && finding.Contains(says, StringComparison.Ordinal)
                    && finding[finding.IndexOf('→', StringComparison.Ordinal)..].Contains(cure, StringComparison.Ordinal)),
                $"{part}, {check}: {says} → {cure}", Cancel, TimeSpan.FromMinutes(2));
            found++;
        }

        // A connection that the doctor has just closed counts until its process has ended.
        async Task<NpgsqlConnection?> TryOpenAsync()
        {
            var connection = new NpgsqlConnection(database.ConnectionString + ";Pooling=false");
            try
            {
                await connection.OpenAsync(Cancel);
                return connection;
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.TooManyConnections)
            {
                await connection.DisposeAsync();
                return null;
            }
        }

        async Task WithAsync(string fault, string undo, Func<Task> look)
        {
            await database.ExecuteAsync(fault, Cancel);
            await look();
            await database.ExecuteAsync(undo, Cancel);
        }

        async Task InClickHouseAsync(string fault, string undo, Func<Task> look)
        {
            await store.QueryAsync(fault, Cancel);
            await look();
            await store.QueryAsync(undo, Cancel);
        }
    }

    [Fact(Timeout = 240_000)]
    public async Task It_examines_the_machine_before_anything_runs()
    {
        using var state = new TemporaryFolder();
        using var holder = new TcpListener(IPAddress.Loopback, 0);
        holder.Start();
        var port = ((IPEndPoint)holder.LocalEndpoint).Port;
        await Repository.BinariesAsync(Cancel);
        Directory.CreateDirectory(Path.Combine(state.Path, "postgres"));
        await File.WriteAllTextAsync(Path.Combine(state.Path, "postgres", "PG_VERSION"), "12\n", Cancel);
        await File.WriteAllTextAsync(Path.Combine(state.Path, "running.json"), """{"ProcessId":4711}""", Cancel);
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(Ports.Names.ToDictionary(name => $"Ports:{name}", name => (string?)(name == "Api" ? $"{port}" : "0")))
            .AddInMemoryCollection([new("state", state.Path)]).Build();
        var patient = Patient.From(configuration) with { Limits = new() { FreeBytes = long.MaxValue } };

        var findings = await IllAsync();

        findings["ports"].Says.Should().StartWith($"port {port} for Api is taken by ").And.EndWith($"(process {Environment.ProcessId})");
        findings["ports"].Cure.Should().EndWith($"--Ports:Api={port + 1}");
        findings["databases' files"].Says.Should().Contain("are of PostgreSQL 12");
        findings["stack"].Says.Should().Contain("process 4711").And.Contain("was killed");
        findings["disk"].Says.Should().StartWith("only ").And.EndWith($" MB are free for {state.Path}");

        File.Delete(Path.Combine(state.Path, "running.json"));
        (await IllAsync())["stack"].Says.Should().Be($"no AppHost runs on {state.Path}");

        async Task<Dictionary<string, Finding>> IllAsync() => (await MachineChecks.ExamineAsync(patient, Cancel))
            .Where(finding => finding.Verdict == Verdict.Ill).ToDictionary(finding => finding.Check);
    }

    private static Patient Of(Store store, WebApplication processor, WebApplication api) => new(
        Path.GetTempPath(), IsRunning: true, new Ports(configuration: null), store.Postgres.ConnectionString,
        ClickHouseEndpoint.Parse(store.ClickHouse.ConnectionString),
        new(api.Urls.Single()), new(processor.Urls.Single()))
    {
        Names = new(Slot: store.Slot, Role: "cdc_shop"),
        Model = store.Model,
        PostgresMigrations = ["20261123160957_InitialSchema"],
        ClickHouseMigrations = ["000_bookkeeping", "001_tables"],
    };

    /// <summary>What is wrong beside the machine, whose disk is not this test's.</summary>
    private static async Task<string> IllAsync(Patient patient) => string.Join('\n',
        (await DoctorCommand.ExamineAsync(patient, null, Cancel))
        .Where(finding => finding.Verdict == Verdict.Ill && Everything.Contains(finding.Part))
        .Select(finding => $"{finding.Part}, {finding.Check}: {finding.Says} → {finding.Cure}"));

    private static async Task PostAsync(Patient patient, string operation)
    {
        using var http = new HttpClient();
        (await http.PostAsync(new Uri(patient.Processor, $"/operations/{operation}"), null, Cancel)).EnsureSuccessStatusCode();
    }
}
