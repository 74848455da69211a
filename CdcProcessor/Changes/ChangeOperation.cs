namespace AspireCdc.CdcProcessor.Changes;

/// <summary>What a change does. The names on the wire are those of the change message; see <see cref="ChangeOperations"/>.</summary>
internal enum ChangeOperation : byte
{
    Insert,

    /// <summary>New holds the row; Old is there if the source sent it (a changed key, or REPLICA IDENTITY FULL).</summary>
    Update,

    /// <summary>Old holds at least the key.</summary>
    Delete,

    /// <summary>A row of a copy (snapshot or resync), at the copy's point. From an ordered source it is derived
    /// later: see <see cref="Derive"/>.</summary>
    Read,

    /// <summary>All rows of the table up to <see cref="Change.Version"/> are gone; behind Kafka, only those
    /// that this partition brought.</summary>
    Truncate,

    /// <summary>A copy of the table begins; its rows follow. From PostgreSQL, <see cref="Change.Bound"/> is the
    /// copy's point as a version.</summary>
    CopyBegin,

    /// <summary>
    /// What <see cref="Relation.Ranges"/> names has landed: once that is durable it is recorded, and a crash need not have it read again.
    /// From an ordered source only.
    /// </summary>
    CopyRange,

    /// <summary>
    /// The copy's rows are all there. From Kafka, rows older than <see cref="Change.Bound"/> were not in it and get tombstones at
    /// <see cref="Change.Version"/>; an ordered source sends <see cref="Derive"/> for that.
    /// </summary>
    CopyEnd,

    /// <summary>
    /// The marker behind what landed outside the stream's order, with its landing version as <see cref="Change.Bound"/>: derive it here and
    /// now, in the stream. Behind one row (its key is in New) a dead letter is settled; behind a copy, what it did not find gets tombstones
    /// at its point. Not before the marker: a stream that lags may still land rows whose deletes were lost.
    /// </summary>
    Derive,
}

internal static class ChangeOperations
{
    public static string Name(this ChangeOperation operation) => operation switch
    {
        ChangeOperation.Insert => "insert",
        ChangeOperation.Update => "update",
        ChangeOperation.Delete => "delete",
        ChangeOperation.Read => "read",
        ChangeOperation.Truncate => "truncate",
        ChangeOperation.CopyBegin => "copy-begin",
        ChangeOperation.CopyRange => "copy-range",
        ChangeOperation.CopyEnd => "copy-end",
        ChangeOperation.Derive => "derive",
        _ => throw new ArgumentOutOfRangeException(nameof(operation), operation, null),
    };
}
