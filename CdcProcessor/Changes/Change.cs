namespace AspireCdc.CdcProcessor.Changes;

/// <summary>One change of one table, in the order of its source. Its values lie in the arena of the batch that holds it.</summary>
/// <param name="Relation">The table, as the source described it when it sent the change.</param>
/// <param name="Operation">What happened.</param>
/// <param name="Version">The landing version: orders the changes of one key, and places them against a copy.</param>
/// <param name="Lsn">The commit's LSN; 0 where the source gives none.</param>
/// <param name="Partition">The partition that brought it; -1 from PostgreSQL.</param>
/// <param name="CommitTime">Microseconds since 1970 (UTC); 0 where the source gives none.</param>
/// <param name="Old">The row or key before the change, or <see cref="RowRef.None"/>.</param>
/// <param name="New">The row after the change, or <see cref="RowRef.None"/>.</param>
/// <param name="Bound">See <see cref="ChangeOperation.CopyEnd"/> and <see cref="ChangeOperation.Derive"/>.</param>
internal readonly record struct Change(
    Relation Relation,
    ChangeOperation Operation,
    UInt128 Version,
    ulong Lsn,
    int Partition,
    long CommitTime,
    RowRef Old,
    RowRef New,
    UInt128 Bound = default);

/// <summary>A row's place among the values of its batch: one value for each column of the change's relation.</summary>
internal readonly record struct RowRef(int First, int Count)
{
    public static RowRef None => default;

    public bool Exists => Count > 0;
}

internal enum ValueKind : byte
{
    /// <summary>The source did not send it and it has not changed (an out-of-line TOAST value).</summary>
    Unchanged,
    Null,

    /// <summary>PostgreSQL's text form in UTF-8 (from Kafka also JSON's: <c>true</c>, RFC 3339 times).</summary>
    Text,
}
