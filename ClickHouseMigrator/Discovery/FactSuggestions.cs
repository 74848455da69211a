using AspireCdc.Star.Model;

namespace AspireCdc.ClickHouseMigrator.Discovery;

/// <summary>
/// Facts that the foreign keys make possible. They are told and not made: to follow every foreign key is to show everything everywhere.
/// </summary>
internal static class FactSuggestions
{
    /// <summary>A sentence for each table that points to others which are mirrored.</summary>
    public static IEnumerable<string> For(StarModel model, IReadOnlyList<FoundTable> tables)
    {
        foreach (var table in tables)
        {
            if (model.Find(table.Source) is not { } child)
                continue;
            var ways = table.References.Select(reference => Way(model, table, child, reference)).OfType<string>().ToList();
            if (ways.Count > 0)
                yield return $"{table.Source}: {string.Join(", ", ways)}";
        }
    }

    private static string? Way(StarModel model, FoundTable table, TableMapping child, FoundReference reference)
    {
        var parent = model.Tables.FirstOrDefault(candidate => candidate.Schema == reference.Schema && candidate.Name == reference.Name);
        if (parent is null || reference.Columns.Any(column => child.Columns.All(known => known.Source != column)))
            return null;
        var optional = reference.Columns.Any(column => !table.Columns.First(known => known.Name == column).IsNotNull);
        return $"{parent.Source} by {string.Join(", ", reference.Columns)}{(optional ? " (optional)" : "")}";
    }
}
