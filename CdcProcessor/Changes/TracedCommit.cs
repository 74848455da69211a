using System.Diagnostics;

namespace AspireCdc.CdcProcessor.Changes;

/// <summary>
/// Commits whose changes come from one trace: a request's transaction, or behind Kafka what its connector has sent as one.
/// </summary>
/// <param name="origin">Where the trace comes from.</param>
/// <param name="lsn">The commit's LSN.</param>
/// <param name="time">When it was committed, in microseconds since 1970; 0 where the source does not say.</param>
internal sealed class TracedCommit(ActivityContext origin, ulong lsn, long time)
{
    private readonly List<string> _tables = [];
    private readonly List<string> _operations = [];
    private ulong _first = lsn;

    /// <summary>Where the trace comes from.</summary>
    public ActivityContext Origin => origin;

    /// <summary>The trace as it goes on from here, as <c>traceparent</c>.</summary>
    public string Header { get; set; } = $"00-{origin.TraceId}-{origin.SpanId}-{(byte)origin.TraceFlags:x2}";

    /// <summary>The last commit's LSN.</summary>
    public ulong Lsn { get; private set; } = lsn;

    /// <summary>When the first was committed, in microseconds since 1970.</summary>
    public long Time => time;

    /// <summary>Rows that it has changed, of those in the batch.</summary>
    public int Rows { get; private set; }

    /// <summary>Their tables.</summary>
    public IReadOnlyList<string> Tables => _tables;

    /// <summary>What happened to them.</summary>
    public IReadOnlyList<string> Operations => _operations;

    /// <summary>One more commit of the same trace.</summary>
    public void Widen(ulong lsn) => (_first, Lsn) = (Math.Min(_first, lsn), Math.Max(Lsn, lsn));

    /// <summary>Whether the commit is one of these.</summary>
    public bool Includes(ulong lsn) => lsn >= _first && lsn <= Lsn;

    /// <summary>Counts a change in.</summary>
    public void Count(in Change change)
    {
        Rows++;
        Add(_tables, change.Relation.Table.Source);
        Add(_operations, change.Operation.Name());

        static void Add(List<string> names, string name)
        {
            if (!names.Contains(name))
                names.Add(name);
        }
    }
}
