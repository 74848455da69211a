using System.Collections.Concurrent;

namespace AspireCdc.CdcProcessor.Status;

/// <summary>A table that does not show what the source holds, or perhaps not.</summary>
/// <param name="Table">The table's identity.</param>
/// <param name="What">Why: a sentence's end, after the table's name.</param>
/// <param name="Cure">What to do, as a sentence.</param>
/// <param name="Since">When it was first seen.</param>
internal sealed record TableDoubt(string Table, string What, string Cure, DateTimeOffset Since)
{
    public override string ToString() => $"{Table} {What} (seen {Since:yyyy-MM-dd HH:mm:ss}Z): {Cure}";
}

/// <summary>
/// Which tables are in doubt, for health, status, metrics and the log. Each watch tells all that it knows at once, and what it no longer
/// tells is over.
/// </summary>
internal sealed partial class TableDoubts(TimeProvider time, ILogger<TableDoubts> logger)
{
    private readonly ConcurrentDictionary<(string Watch, string Table, string What), TableDoubt> _doubts = [];

    /// <summary>The oldest first.</summary>
    public IReadOnlyList<TableDoubt> All =>
        [.. _doubts.Values.OrderBy(doubt => doubt.Since).ThenBy(doubt => doubt.Table, StringComparer.Ordinal)];

    /// <summary>All that one watch knows.</summary>
    public void Tell(string watch, IReadOnlyCollection<(string Table, string What, string Cure)> doubts)
    {
        foreach (var (table, what, cure) in doubts)
        {
            var doubt = new TableDoubt(table, what, cure, time.GetUtcNow());
            var told = _doubts.GetOrAdd((watch, table, what), doubt);
            if (ReferenceEquals(told, doubt))
                LogDoubt(table, what, cure);
            else if (told.Cure != cure)
                _doubts.TryUpdate((watch, table, what), told with { Cure = cure }, told);
        }
        foreach (var (key, doubt) in _doubts)
        {
            var isTold = doubts.Any(known => (known.Table, known.What) == (key.Table, key.What));
            if (key.Watch == watch && !isTold && _doubts.TryRemove(key, out _))
                LogOver(doubt.Table, doubt.What);
        }
    }

    [LoggerMessage(EventId = 40, Level = LogLevel.Warning, Message = "{Table} {What}: {Cure}")]
    private partial void LogDoubt(string table, string what, string cure);

    [LoggerMessage(EventId = 41, Level = LogLevel.Information, Message = "It is over that {Table} {What}")]
    private partial void LogOver(string table, string what);
}
