namespace AspireCdc.Star.Difference;

/// <summary>
/// What no comparison of two models can tell: what was renamed and what is gone on purpose. Names are PostgreSQL's, and facts' own.
/// </summary>
internal sealed record SaidChanges
{
    /// <summary>Nothing was said.</summary>
    public static SaidChanges Nothing { get; } = new();

    /// <summary>Old identities of tables, by the new ones.</summary>
    public IReadOnlyDictionary<string, string> TablesWere { get; init; } = new Dictionary<string, string>();

    /// <summary>Old names of columns, by the table's new identity and the column's new name.</summary>
    public IReadOnlyDictionary<(string Table, string Column), string> ColumnsWere { get; init; } =
        new Dictionary<(string, string), string>();

    /// <summary>Old names of facts, by the new ones.</summary>
    public IReadOnlyDictionary<string, string> FactsWere { get; init; } = new Dictionary<string, string>();

    /// <summary>Columns that are gone on purpose, with their table's new identity.</summary>
    public IReadOnlySet<(string Table, string Column)> DroppedColumns { get; init; } = new HashSet<(string, string)>();

    /// <summary>Tables (by identity) and facts (by name) that are gone on purpose.</summary>
    public IReadOnlySet<string> Dropped { get; init; } = new HashSet<string>();
}
