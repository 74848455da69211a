using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.Postgres.Watch;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>A batch of the stream, and which of its changes lack values.</summary>
internal sealed class StreamBatch(BatchSize expected = default)
{
    public ChangeBatch Changes { get; } = new(expected);

    public List<IncompleteChange> Incomplete { get; } = [];

    /// <summary>What event triggers told, each with its commit's LSN.</summary>
    public List<(SchemaMessage Message, ulong Commit)> SchemaChanges { get; } = [];

    /// <summary>Which tables were emptied, and by which transaction.</summary>
    public List<(Relation Relation, uint Transaction)> Truncates { get; } = [];

    /// <summary>Leaves only what comes before a change; no commit ends there.</summary>
    public void CutAt(int index)
    {
        Changes.CutAt(index);
        Incomplete.RemoveAll(change => change.Index >= index);
        Repairs.RemoveAll(place => place >= index);
    }

    /// <summary>Takes changes out.</summary>
    public void Remove(IReadOnlySet<int> indexes)
    {
        if (indexes.Count == 0)
            return;
        Incomplete.RemoveAll(change => indexes.Contains(change.Index));
        for (var i = 0; i < Incomplete.Count; i++)
            Incomplete[i] = Incomplete[i] with { Index = Incomplete[i].Index - indexes.Count(index => index < Incomplete[i].Index) };
        for (var i = 0; i < Repairs.Count; i++)
            Repairs[i] -= indexes.Count(index => index < Repairs[i]);
        Changes.Remove(indexes);
    }

    /// <summary>The places of markers that want a row read once more.</summary>
    public List<int> Repairs { get; } = [];
}

/// <summary>A change with unchanged TOAST values that its message did not carry.</summary>
/// <param name="Index">Its place in the batch.</param>
/// <param name="Transaction">The lower half of its transaction's id.</param>
internal readonly record struct IncompleteChange(int Index, uint Transaction);
