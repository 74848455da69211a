using System.Globalization;
using AspireCdc.AppHost.Embedded;
using AspireCdc.Benchmarks.Machine;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.Postgres;
using Npgsql;

namespace AspireCdc.Benchmarks.Cdc;

/// <summary>The PostgreSQL that everybody reads from: one server, one WAL, a slot for each contender and round.</summary>
internal sealed class StoreDatabase : IAsyncDisposable
{
    public const string Publication = CdcDefaults.Publication, Role = CdcDefaults.Role, RolePassword = "cdc";

    private static readonly Dictionary<string, string> Settings = new()
    {
        ["max_replication_slots"] = "100",
        ["max_wal_senders"] = "100",
        ["max_slot_wal_keep_size"] = "-1",
        ["max_wal_size"] = "8GB",
    };

    private readonly EmbeddedPostgres _server;

    private StoreDatabase(EmbeddedPostgres server, string model)
    {
        Model = model;
        _server = server;
        DataSource = NpgsqlDataSource.Create(Superuser);
    }

    public NpgsqlDataSource DataSource { get; }

    /// <summary>The model's file, with ClickHouse's statements beside it.</summary>
    public string Model { get; }

    /// <summary>The superuser's.</summary>
    public NpgsqlConnectionStringBuilder Superuser => new(_server.ConnectionString) { SslMode = SslMode.Disable };

    /// <summary>The replication role's.</summary>
    public NpgsqlConnectionStringBuilder Replication => new(Superuser.ConnectionString) { Username = Role, Password = RolePassword };

    public static async Task<StoreDatabase> StartAsync(
        EmbeddedBinaries binaries, TemporaryFolder folder, Action<string> log, CancellationToken cancellationToken)
    {
        var options = new EmbeddedPostgresOptions
        {
            DataFolder = folder.Of("postgres"),
            Port = FreePort.Next(),
            Settings = new Dictionary<string, string>([.. Settings, .. ServerCertificate.WriteTo(folder.Of("certificate"))]),
        };
        var database = new StoreDatabase(await EmbeddedPostgres.StartAsync(binaries, options, log, cancellationToken),
            StoreModel.WriteTo(folder.Of("model")));
        try
        {
            await database.CreateTablesAsync(cancellationToken);
            return database;
        }
        catch
        {
            await database.DisposeAsync();
            throw;
        }
    }

    public async Task<T> ScalarAsync<T>(string sql, CancellationToken cancellationToken)
    {
        await using var command = DataSource.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = DataSource.CreateCommand(sql);
        command.CommandTimeout = 0;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    public Task CreateSlotAsync(string slot, CancellationToken cancellationToken) =>
        ExecuteAsync($"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')", cancellationToken);

    /// <summary>
    /// Returns once a slot's reader has been sent all that is before a position, or has confirmed it (who reads by SQL is sent nothing).
    /// That costs PostgreSQL little, where ClickHouse takes 8 ms of CPU to answer that the last change is not there yet.
    /// </summary>
    public Task SentAsync(string slot, ulong position, CancellationToken cancellationToken) => Poll.UntilAsync(
        () => ScalarAsync<bool>(
            $"""
            SELECT EXISTS (SELECT FROM pg_replication_slots LEFT JOIN pg_stat_replication ON pid = active_pid
                WHERE slot_name = '{slot}' AND greatest(sent_lsn, confirmed_flush_lsn) >= '{Lsn.Format(position)}')
            """, cancellationToken), Poll.Drain, cancellationToken);

    /// <summary>Drops a slot whose reader has gone; the server notices that within a moment, so it is waited for.</summary>
    public async Task DropSlotAsync(string slot, CancellationToken cancellationToken)
    {
        while (await ScalarAsync<long>($"SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{slot}' AND active",
            cancellationToken) > 0)
            await Task.Delay(50, cancellationToken);
        await ExecuteAsync($"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{slot}'",
            cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await DataSource.DisposeAsync();
        await _server.DisposeAsync();
    }

    private async Task CreateTablesAsync(CancellationToken cancellationToken)
    {
        await ExecuteAsync(await File.ReadAllTextAsync(StoreModel.Tables, cancellationToken), cancellationToken);
        await ExecuteAsync($"""
            ALTER TABLE "order" ALTER status TYPE varchar; -- of any length, since large rows are timed, too
            CREATE PUBLICATION {Publication} FOR TABLE customer, product, "order", orderitem;
            CREATE ROLE {Role} LOGIN REPLICATION PASSWORD '{RolePassword}';
            GRANT SELECT ON customer, product, "order", orderitem TO {Role};
            """, cancellationToken);
        await ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"""
            INSERT INTO customer (id, email, name, country, city) OVERRIDING SYSTEM VALUE
            SELECT n, 'customer' || n || '@example.com', 'Customer ' || n, 'Country ' || n % 40, 'City ' || n % 900
                FROM generate_series(1, {Workload.Customers}) n;
            INSERT INTO product (id, name, category, price) OVERRIDING SYSTEM VALUE
            SELECT n, 'Product ' || n, 'Category ' || n % 25, (n % 500) + 0.99 FROM generate_series(1, {Workload.Products}) n;
            """), cancellationToken);
    }
}
