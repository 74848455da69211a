namespace AspireCdc.CdcProcessor.Mapping;

/// <summary>All that is replicated: an entry a table, an entry a fact.</summary>
internal sealed record Model(IReadOnlyList<TableMapping> Tables, IReadOnlyList<FactMapping> Facts)
{
    public TableMapping? Find(string table) => Tables.FirstOrDefault(mapping => mapping.Source == table);

    public TableMapping Table(string table) => Find(table) ?? throw new ArgumentException($"No mapping entry for table '{table}'.", nameof(table));
}
