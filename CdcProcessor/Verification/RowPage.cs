namespace AspireCdc.CdcProcessor.Verification;

/// <summary>Some rows that ought to be there.</summary>
/// <param name="Rows">Each as its RowBinary; null where ClickHouse's types cannot hold it.</param>
/// <param name="KeyOf">The texts of a row's key, in their canonical form.</param>
/// <param name="Last">The key up to which these are all; null where no more follow.</param>
internal sealed record RowPage(
    IReadOnlyList<ReadOnlyMemory<byte>?> Rows, Func<int, IReadOnlyList<string>> KeyOf, IReadOnlyList<string>? Last);

/// <summary>The side that is right.</summary>
internal interface IExpectedRows
{
    /// <summary>The next rows after a key, in this side's order of keys; the memory is good until the next call.</summary>
    Task<RowPage> ReadAsync(IReadOnlyList<string>? after, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Those of the keys that are there, by <see cref="Changes.KeyText.Join"/>; null where ClickHouse's types cannot hold the row.
    /// </summary>
    Task<Dictionary<string, byte[]?>> FindAsync(IReadOnlyCollection<IReadOnlyList<string>> keys, CancellationToken cancellationToken);
}
