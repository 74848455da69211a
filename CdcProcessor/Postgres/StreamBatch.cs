using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>A batch of the stream, and which of its changes lack values.</summary>
internal sealed class StreamBatch(BatchSize expected = default)
{
    public ChangeBatch Changes { get; } = new(expected);

    public List<IncompleteChange> Incomplete { get; } = [];

    /// <summary>The places of markers that want a row read once more.</summary>
    public List<int> Repairs { get; } = [];
}

/// <summary>A change with unchanged TOAST values that its message did not carry.</summary>
/// <param name="Index">Its place in the batch.</param>
/// <param name="Transaction">The lower half of its transaction's id.</param>
internal readonly record struct IncompleteChange(int Index, uint Transaction);
