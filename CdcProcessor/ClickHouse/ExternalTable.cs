namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>Rows that go with a statement and are a table for it alone (ClickHouse: "external data for query processing").</summary>
/// <param name="Name">The table's name.</param>
/// <param name="Structure">Names and types of its columns.</param>
/// <param name="Rows">Its rows as RowBinary.</param>
internal sealed record ExternalTable(string Name, string Structure, ReadOnlyMemory<byte> Rows);
