using System.Collections.Concurrent;
using System.Diagnostics;
using AspireCdc.AppHost.Embedded;
using AspireCdc.Tests.Fixtures;
using Npgsql;

[assembly: Xunit.AssemblyFixture(typeof(PostgresServer))]

namespace AspireCdc.Tests.Fixtures;

/// <summary>
/// One PostgreSQL for all tests, started when the first test asks for it; every test makes databases of its own in it. A test that stops or
/// breaks a server starts its own with <see cref="StartOwnAsync"/>.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private readonly SemaphoreSlim _starting = new(1);
    private OwnPostgres? _server;

    /// <summary>A new, empty database.</summary>
    public async Task<TestDatabase> CreateDatabaseAsync(CancellationToken cancellationToken)
    {
        var server = await StartedAsync(cancellationToken);
        var name = "test_" + Guid.NewGuid().ToString("N")[..12];
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var create = new NpgsqlCommand($"CREATE DATABASE {name}", connection);
        await create.ExecuteNonQueryAsync(cancellationToken);
        return new TestDatabase(name, new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = name }.ConnectionString);
    }

    /// <summary>A server that belongs to one test, which may stop, kill and restart it.</summary>
    internal static async Task<OwnPostgres> StartOwnAsync(
        CancellationToken cancellationToken, IReadOnlyDictionary<string, string>? settings = null)
    {
        var server = new OwnPostgres(settings ?? new Dictionary<string, string>());
        await server.StartAsync(cancellationToken);
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        _starting.Dispose();
    }

    private async Task<OwnPostgres> StartedAsync(CancellationToken cancellationToken)
    {
        await _starting.WaitAsync(cancellationToken);
        try
        {
            // Data of tests may vanish with the machine: no fsync, and room for many databases' slots at once. With hundreds of databases
            // one is looked at for its dead rows several times a second.
            return _server ??= await StartOwnAsync(cancellationToken, new Dictionary<string, string>
            {
                ["fsync"] = "off",
                ["autovacuum"] = "off",
                ["max_connections"] = "400",
                ["max_replication_slots"] = "100",
                ["max_wal_senders"] = "100",
            });
        }
        finally
        {
            _starting.Release();
        }
    }
}

/// <summary>A database of one test.</summary>
/// <param name="Name">Its name.</param>
/// <param name="ConnectionString">The superuser's.</param>
public sealed record TestDatabase(string Name, string ConnectionString)
{
    /// <summary>Runs statements as the superuser.</summary>
    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>The first column of the first row.</summary>
    public async Task<T?> ScalarAsync<T>(string sql, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(cancellationToken) is T value ? value : default;
    }
}

/// <summary>A PostgreSQL server of one test: same folder and port over restarts.</summary>
internal sealed class OwnPostgres(IReadOnlyDictionary<string, string> settings) : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private EmbeddedPostgres? _server;

    public int Port { get; } = FreePort.Next();

    /// <summary>The superuser's, to the database <c>shop</c>.</summary>
    public string ConnectionString { get; private set; } = "";

    /// <summary>The server's log so far.</summary>
    public ConcurrentQueue<string> Log { get; } = new();

    private string Data => Path.Combine(_folder.Path, "data");

    /// <summary>Starts the server, also after <see cref="StopAsync"/> or <see cref="KillAsync"/>.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var options = new EmbeddedPostgresOptions { DataFolder = Data, Port = Port, Settings = settings };
        _server =
            await EmbeddedPostgres.StartAsync(await Repository.BinariesAsync(cancellationToken), options, Log.Enqueue, cancellationToken);
        ConnectionString = _server.ConnectionString;
    }

    /// <summary>A standby on a copy of this server's folder, which must be stopped; it streams from this
    /// one when both are started.</summary>
    public async Task<OwnPostgres> CopyAsStandbyAsync(CancellationToken cancellationToken)
    {
        var standby = new OwnPostgres(new Dictionary<string, string>(settings)
        {
            ["primary_conninfo"] = $"host=localhost port={Port} user=postgres password=postgres dbname=postgres",
            ["primary_slot_name"] = "standby",
            ["hot_standby_feedback"] = "on",
            ["sync_replication_slots"] = "on",
        });
        using var copy = Process.Start("cp", ["-a", Data, standby.Data]);
        await copy.WaitForExitAsync(cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(standby.Data, "standby.signal"), "", cancellationToken);
        return standby;
    }

    /// <summary>Fast shutdown.</summary>
    public Task StopAsync() => _server!.StopAsync();

    /// <summary>SIGKILL: a crash.</summary>
    public Task KillAsync() => _server!.KillAsync();

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        _folder.Dispose();
    }
}
