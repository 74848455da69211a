namespace AspireCdc.Star.Model;

/// <summary>
/// The publications that bring a model's tables. What is published is said of a whole publication, so that rows that are only inserted, of
/// tables without a key, need one of their own.
/// </summary>
internal static class Publications
{
    /// <summary>The publication of append-only tables, beside the one of this name.</summary>
    public static string AppendOnly(string publication) => publication + "_append_only";

    /// <summary>Those that the model needs, each with its tables; the one of this name is always there.</summary>
    /// <param name="model">The model.</param>
    /// <param name="publication">The name that is configured (<c>Cdc:Publication</c>).</param>
    public static IReadOnlyList<(string Name, bool AppendOnly, IReadOnlyList<TableMapping> Tables)> Of(StarModel model, string publication)
    {
        var tables = model.Tables.ToLookup(table => table.AppendOnly);
        return tables.Contains(true)
            ? [(publication, false, [.. tables[false]]), (AppendOnly(publication), true, [.. tables[true]])]
            : [(publication, false, [.. tables[false]])];
    }
}
