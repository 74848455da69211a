using System.Collections.Concurrent;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>How far the running copies are.</summary>
internal sealed partial class CopyProgress(ILogger<CopyProgress> logger, TimeProvider time)
{
    private static readonly TimeSpan LogEvery = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, TableState> _tables = [];

    /// <summary>Rows copied and rows expected, by table, of copies that run.</summary>
    public IReadOnlyDictionary<string, (long Rows, long Expected)> Running =>
        _tables.ToDictionary(table => table.Key, table => (Volatile.Read(ref table.Value.Rows), table.Value.Expected));

    /// <summary>About how long a running copy still takes; null where there is nothing to tell by.</summary>
    public double? SecondsLeft(string table) =>
        _tables.TryGetValue(table, out var state) && Volatile.Read(ref state.Rows) is > 0 and var rows && state.Expected > rows
            ? time.GetElapsedTime(state.Started).TotalSeconds / rows * (state.Expected - rows)
            : null;

    /// <summary>The running copies as a sentence each; empty where none runs.</summary>
    public string Summary => string.Join(' ', Running.Select(copy =>
        $"Copying {copy.Key}: {copy.Value.Rows} of about {Math.Max(copy.Value.Rows, copy.Value.Expected)} " +
        $"rows{(SecondsLeft(copy.Key) is { } left ? $", about {TimeSpan.FromSeconds(Math.Ceiling(left)):g} left" : "")}."));

    public void Begin(string table, long expected)
    {
        _tables[table] = new TableState { Expected = expected, Started = time.GetTimestamp(), Logged = time.GetTimestamp() };
        LogBegun(table, expected);
    }

    /// <summary>What an earlier process has copied is not read again.</summary>
    public void GoOn(string table, int done, int all) => LogGoesOn(table, done, all);

    public void Add(string table, long rows)
    {
        if (!_tables.TryGetValue(table, out var state))
            return;

        var all = Interlocked.Add(ref state.Rows, rows);
        if (time.GetElapsedTime(state.Logged) < LogEvery)
            return;
        state.Logged = time.GetTimestamp();
        LogCopying(table, all, Math.Max(all, state.Expected));
    }

    /// <summary>A copy that does not end here.</summary>
    public void Abandon(string table) => _tables.TryRemove(table, out _);

    public void End(string table)
    {
        if (_tables.TryRemove(table, out var state))
            LogCopied(table, state.Rows, time.GetElapsedTime(state.Started).TotalSeconds);
    }

    [LoggerMessage(EventId = 22, Level = LogLevel.Information, Message = "Copying {Table}, which has about {Expected} rows")]
    private partial void LogBegun(string table, long expected);

    [LoggerMessage(EventId = 20, Level = LogLevel.Information, Message = "Copying {Table}: {Rows} of about {Expected} rows")]
    private partial void LogCopying(string table, long rows, long expected);

    [LoggerMessage(EventId = 21, Level = LogLevel.Information, Message = "Copied {Table}: {Rows} rows in {Seconds:0.0} s")]
    private partial void LogCopied(string table, long rows, double seconds);

    [LoggerMessage(
        EventId = 23, Level = LogLevel.Information,
        Message = "Going on with the copy of {Table}: {Done} of {All} ranges are there already")]
    private partial void LogGoesOn(string table, int done, int all);

    private sealed class TableState
    {
        public long Rows;

        public long Expected { get; init; }

        public long Started { get; init; }

        public long Logged { get; set; }
    }
}
