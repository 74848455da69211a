using AspireCdc.EmbeddedClickHouse.Sql;
using Microsoft.Extensions.Options;

namespace AspireCdc.EmbeddedClickHouse.Engine;

/// <summary>
/// The ClickHouse engine inside this process, over one data folder. A request rents a connection; one that comes back clean serves the next
/// request that asks for the same database and settings.
/// </summary>
internal sealed partial class ChdbEngine : IAsyncDisposable
{
    /// <summary>Calls into the engine block a thread each, so their number has a bound; a request beyond it waits its turn.</summary>
    private const int MaxQueries = 200;

    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(3);

    private readonly EmbeddedClickHouseOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<ChdbEngine> _logger;
    private readonly IdleConnections _idle = new();
    private readonly SemaphoreSlim _queries = new(MaxQueries);
    private readonly Lock _controlLock = new();
    private readonly QueryKiller _killer;
    private EngineFiles? _files;
    private ChdbConnection? _control;
    private long _lastId;

    public ChdbEngine(IOptions<EmbeddedClickHouseOptions> options, TimeProvider time, ILogger<ChdbEngine> logger)
    {
        _options = options.Value;
        _time = time;
        _logger = logger;
        _killer = new QueryKiller(Kill, time, logger);
    }

    /// <summary>The queries of clients.</summary>
    public RunningQueries Running { get; } = new();

    /// <summary>The folder that <c>file()</c> reads and writes in.</summary>
    public string UserFiles => _files!.UserFiles;

    public string Version { get; private set; } = "";

    public string TimeZone { get; private set; } = "";

    /// <summary>Loads the library and opens the data folder.</summary>
    public void Start()
    {
        ThreadPool.GetMinThreads(out var workers, out var completions);
        ThreadPool.SetMinThreads(workers + MaxQueries, completions);

        _files = EngineFiles.Write(_options.Data, _options.SourceNames);
        try
        {
            LibChdb.Load(_options.Library);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException or EntryPointNotFoundException)
        {
            throw new EngineStartException(
                $"'{_options.Library}' cannot be loaded as libchdb ({e.Message.Trim()}). Set " +
                "EmbeddedClickHouse:Library to the libchdb.so of this platform.");
        }

        // The engine takes a name that is no table's for a file of the working folder.
        Environment.CurrentDirectory = _files.UserFiles;
        var data = _files.Data;
        _control = ChdbConnection.Open(_files, NextId()) ?? throw new EngineStartException(
            $"The data folder '{data}' cannot be opened; the engine's reason stands above. Most often another process has it open: stop " +
            "that one, or set EmbeddedClickHouse:Data to another folder.");
        Version = _control.Query("SELECT version()").TrimEnd();
        TimeZone = _control.Query("SELECT timezone()").TrimEnd();
        _control.Query($"CREATE DATABASE IF NOT EXISTS {SqlText.QuoteIdentifier(_options.Database)}");
        LogStarted(Version, data);
    }

    /// <summary>A connection that uses <paramref name="database"/> and has <paramref name="settings"/>.</summary>
    public async Task<ConnectionLease> RentAsync(string? database, IReadOnlyList<Setting> settings, CancellationToken cancellation)
    {
        database ??= _options.Database;
        await _queries.WaitAsync(cancellation);
        try
        {
            var key = Setting.Key(database, settings);
            var connection = _idle.Take(key) ?? await Task.Run(() => Open(database, settings), CancellationToken.None);
            return new ConnectionLease(this, connection, key);
        }
        catch
        {
            _queries.Release();
            throw;
        }
    }

    /// <summary>A connection that its holder keeps and closes: a session's.</summary>
    public ChdbConnection OpenSession() => Open(_options.Database, []);

    /// <summary>Counts a query on a session's connection.</summary>
    public async Task<IDisposable> EnterAsync(CancellationToken cancellation)
    {
        await _queries.WaitAsync(cancellation);
        return new Slot(_queries);
    }

    /// <summary>
    /// Runs <paramref name="call"/> on a worker thread. On cancellation the engine is told to stop the query, and the call is waited for: a
    /// connection must not be closed or used under a running query.
    /// </summary>
    public async Task<T> RunAsync<T>(ChdbConnection connection, Func<T> call, CancellationToken cancellation)
    {
        var running = Task.Run(
            () =>
            {
                cancellation.ThrowIfCancellationRequested();
                return call();
            },
            CancellationToken.None);
        if (!cancellation.CanBeCanceled)
            return await running;

        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (cancellation.Register(cancelled.SetResult))
        {
            if (await Task.WhenAny(running, cancelled.Task) == running)
                return await running;
        }

        _ = _killer.KillAsync(connection.Id, running);
        try
        {
            // An insert that has begun all the same is nobody's by now.
            if (await running is IDisposable result)
                result.Dispose();
        }
        catch (ClickHouseException)
        {
            // The client that would read it has gone.
        }

        throw new OperationCanceledException(cancellation);
    }

    /// <summary>Tells the engine to stop the connection's query, without waiting until it has <paramref name="ended"/>.</summary>
    public Task KillAsync(ChdbConnection connection, Task ended) => _killer.KillAsync(connection.Id, ended);

    /// <summary>What the connection's query has read so far: rows, bytes, rows in all; null before it has begun.</summary>
    public async Task<string[]?> ProgressAsync(ChdbConnection connection)
    {
        var line = await Task.Run(() => Control(
            "SELECT read_rows, read_bytes, total_rows_approx, written_rows, written_bytes FROM system.processes WHERE " +
            $"Settings['{ChdbConnection.Marker}'] = {SqlText.QuoteString(connection.Id)}"));
        return line.Length == 0 ? null : line.TrimEnd('\n').Split('\t');
    }

    /// <summary>Does what a request needs: a connection to the database that is served, and a query.
    /// Throws if that is not possible.</summary>
    public Task CheckAsync(CancellationToken cancellation) => Task.Run(
        () =>
        {
            using var connection = Open(_options.Database, []);
            connection.Query("SELECT 1 FROM system.one");
        },
        cancellation);

    public async ValueTask DisposeAsync()
    {
        if (_control is null)
            return;

        // Requests have ended or been aborted by now; an aborted one may still be waiting for its query to stop.
        using var limit = new CancellationTokenSource(StopLimit, _time);
        try
        {
            for (var i = 0; i < MaxQueries; i++)
                await _queries.WaitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            LogStillRunning();
            return; // Closing a connection under a running query would crash; ending the process loses nothing that was acknowledged.
        }

        _idle.Clear();
        _control.Dispose();
        LibChdb.Shutdown();
        LogStopped();
    }

    /// <summary>Closes the connections that wait, since their database may be there no more.</summary>
    public void ForgetIdle() => _idle.Clear();

    internal void Return(ChdbConnection connection, string key, bool clean)
    {
        if (clean)
            _idle.Put(key, connection);
        else
            connection.Dispose();
        _queries.Release();
    }

    private ChdbConnection Open(string database, IReadOnlyList<Setting> settings)
    {
        var connection = ChdbConnection.Open(_files!, NextId())
            ?? throw ClickHouseException.Raise(ErrorCode.UnknownException, "UNKNOWN_EXCEPTION", "The engine did not open a connection");
        try
        {
            if (database != "default")
                connection.Query($"USE {SqlText.QuoteIdentifier(database)}");
            if (settings.Count > 0)
                connection.Query(Setting.SetStatement(settings));
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private void Kill(IReadOnlyCollection<string> connections) =>
        Control(
            $"KILL QUERY WHERE Settings['{ChdbConnection.Marker}'] IN " +
            $"({string.Join(", ", connections.Select(SqlText.QuoteString))}) ASYNC");

    private string Control(string sql)
    {
        lock (_controlLock)
            return _control!.Query(sql);
    }

    private string NextId() => $"embedded-clickhouse-{Interlocked.Increment(ref _lastId)}";

    private sealed class Slot(SemaphoreSlim slots) : IDisposable
    {
        public void Dispose() => slots.Release();
    }

    [LoggerMessage(1, LogLevel.Information, "ClickHouse {Version} serves the tables in {Data}")]
    private partial void LogStarted(string version, string data);

    [LoggerMessage(2, LogLevel.Information, "All queries have ended and the data folder is closed")]
    private partial void LogStopped();

    [LoggerMessage(3, LogLevel.Warning, "Queries still run after the time to stop; the process ends under them")]
    private partial void LogStillRunning();
}
