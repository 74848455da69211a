using AspireCdc.CdcProcessor.Mapping;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// Keys in a condition. A few stand in it as literals; many travel beside it as a table: ClickHouse takes microseconds for every literal, as often as a statement repeats the
/// list, and a derivation of 20,000 keys spent six sevenths of its time on that.
/// </summary>
internal sealed class KeyList
{
    private const int FewKeys = 256;

    /// <param name="name">The table's name, should there be one.</param>
    /// <param name="table">Whose keys.</param>
    /// <param name="literals">The keys as literals.</param>
    public KeyList(string name, TableMapping table, IReadOnlyCollection<string> literals)
    {
        if (literals.Count <= FewKeys)
        {
            Set = $"({string.Join(',', literals)})";
            return;
        }

        var structure = string.Join(", ", table.Key.Select((column, i) => $"key_{i + 1} {table.Columns[column].Type}"));
        // The literal of a composite key has its parentheses.
        var values = table.Key.Count == 1 ? $"({string.Join("),(", literals)})" : string.Join(',', literals);
        Set = $"(SELECT * FROM {name})";
        Table = new ExternalTable(name, structure, values);
    }

    /// <summary>What stands after IN.</summary>
    public string Set { get; }

    /// <summary>What goes with the statement; null where the keys stand in it.</summary>
    public ExternalTable? Table { get; }
}
