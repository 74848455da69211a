using System.Globalization;
using AspireCdc.Star.Postgres;
using Npgsql;

namespace AspireCdc.AppHost.Embedded;

/// <summary>What an embedded PostgreSQL is started with.</summary>
internal sealed record EmbeddedPostgresOptions
{
    /// <summary>Folder of the cluster; made with <c>initdb</c> where it is not there yet.</summary>
    public required string DataFolder { get; init; }

    /// <summary>TCP port on loopback.</summary>
    public required int Port { get; init; }

    /// <summary>The superuser's password; its name is <c>postgres</c>.</summary>
    public string Password { get; init; } = "postgres";

    /// <summary>Created at start where it does not exist.</summary>
    public string Database { get; init; } = "shop";

    /// <summary>More server settings, which go before the defaults.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();
}

/// <summary>A PostgreSQL server as a child process, set up for logical replication.</summary>
internal sealed class EmbeddedPostgres : IAsyncDisposable
{
    private static readonly Dictionary<string, string> DefaultSettings = new()
    {
        ["wal_level"] = "logical",
        ["max_replication_slots"] = "32",
        ["max_wal_senders"] = "32",
        // A forgotten slot may not fill the disk.
        ["max_slot_wal_keep_size"] = "16GB",
        ["max_connections"] = "200",
        ["timezone"] = "UTC",
    };

    /// <summary>Recovery after a crash may take minutes, and begins anew when it is interrupted.</summary>
    private static readonly TimeSpan StartDeadline = TimeSpan.FromMinutes(30);

    private readonly GuardedProcess _process;

    private EmbeddedPostgres(GuardedProcess process, string connectionString)
    {
        _process = process;
        ConnectionString = connectionString;
    }

    /// <summary>The superuser's, to <see cref="EmbeddedPostgresOptions.Database"/>.</summary>
    public string ConnectionString { get; }

    /// <summary>Completes when the server has ended.</summary>
    public Task Exited => _process.Exited;

    /// <summary>The server's exit code, once <see cref="Exited"/> has completed.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Starts the server and returns when it accepts connections and the database exists.</summary>
    /// <exception cref="EmbeddedStackException">It did not start; the message says why and what to do.</exception>
    public static async Task<EmbeddedPostgres> StartAsync(
        EmbeddedBinaries binaries, EmbeddedPostgresOptions options, Action<string> log, CancellationToken cancellationToken)
    {
        var cluster = new PostgresCluster(binaries, options.DataFolder, PostgresUser.Find());
        await cluster.PrepareAsync(options.Password, log, cancellationToken);

        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        string? fatal = null;
        var process = cluster.StartServer(Settings(options), line =>
        {
            // The server's own words are the signal (src/backend/postmaster/postmaster.c); a standby's end in "read-only connections".
            if (line.Contains("database system is ready to accept", StringComparison.Ordinal))
                ready.TrySetResult();
            else if (line.Contains("FATAL:", StringComparison.Ordinal))
                fatal = line;
            log(line);
        });
        var server = new EmbeddedPostgres(process, ConnectionStringOf(options));
        try
        {
            if (await Task.WhenAny(ready.Task, process.Exited).WaitAsync(StartDeadline, cancellationToken) != ready.Task)
                throw new EmbeddedStackException($"PostgreSQL did not start: {fatal ?? $"it ended with exit code {process.ExitCode}"}");
            await server.CreateDatabaseAsync(options, cancellationToken);
            return server;
        }
        catch (TimeoutException)
        {
            await server.DisposeAsync();
            throw new EmbeddedStackException(
                $"PostgreSQL has not started within {StartDeadline.TotalMinutes:0} minutes; its log says what it is at.");
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Shuts down fast (SIGINT): open transactions are rolled back, everything committed is on disk.</summary>
    public Task StopAsync() => _process.StopAsync();

    /// <summary>Kills the server (SIGKILL) as a crash would.</summary>
    public Task KillAsync() => _process.KillAsync();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private static IEnumerable<KeyValuePair<string, string>> Settings(EmbeddedPostgresOptions options) =>
        DefaultSettings
            .Where(setting => !options.Settings.ContainsKey(setting.Key))
            .Concat(options.Settings)
            .Append(new("port", options.Port.ToString(CultureInfo.InvariantCulture)))
            .Append(new("listen_addresses", "localhost"))
            .Append(new("unix_socket_directories", ""));

    private static string ConnectionStringOf(EmbeddedPostgresOptions options) => new NpgsqlConnectionStringBuilder
    {
        Host = "localhost",
        Port = options.Port,
        Username = "postgres",
        Password = options.Password,
        Database = options.Database,
    }.ConnectionString;

    private async Task CreateDatabaseAsync(EmbeddedPostgresOptions options, CancellationToken cancellationToken)
    {
        var name = options.Database;
        var maintenance = new NpgsqlConnectionStringBuilder(ConnectionString) { Database = "postgres", Pooling = false };
        await using var connection = new NpgsqlConnection(maintenance.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellationToken);
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.InvalidPassword)
        {
            throw new EmbeddedStackException(
                $"The databases in {options.DataFolder} were made with another password of postgres. Start with the one that they have "
                + "(--Parameters:postgres-password=…), or with --reset to have them made anew, empty.");
        }
        await using var exists =
            new NpgsqlCommand("SELECT 1 FROM pg_database WHERE datname = $1", connection) { Parameters = { new() { Value = name } } };
        if (await exists.ExecuteScalarAsync(cancellationToken) is not null)
            return;
        await using var create = new NpgsqlCommand($"CREATE DATABASE {PostgresSql.Name(name)}", connection);
        await create.ExecuteNonQueryAsync(cancellationToken);
    }
}
