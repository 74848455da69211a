namespace AspireCdc.CdcProcessor.Changes;

/// <summary>A change that could not be applied, kept whole.</summary>
/// <param name="Table">The source's table; empty where that could not be read.</param>
/// <param name="Key">The key's values as text, separated by commas; empty where that could not be read.</param>
/// <param name="Operation">The change's operation; empty where that could not be read.</param>
/// <param name="Raw">The change message as JSON, or the bytes as they came, as text.</param>
/// <param name="Reason">Why it could not be applied: names the column, the value and what would take it.</param>
/// <param name="Version">Its landing version: a retry uses it.</param>
/// <param name="Lsn">The commit's LSN, or 0.</param>
/// <param name="Partition">The partition that brought it; -1 from PostgreSQL.</param>
internal sealed record DeadLetter(
    string Table, string Key, string Operation, string Raw, string Reason, UInt128 Version, ulong Lsn, int Partition);
