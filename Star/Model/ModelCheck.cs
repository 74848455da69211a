using AspireCdc.Star.Types;

namespace AspireCdc.Star.Model;

/// <summary>What is wrong with a model, all of it, each fault with its path and its cure.</summary>
internal static class ModelCheck
{
    /// <summary>The faults, as sentences without a full stop; none if the model can be used.</summary>
    public static IReadOnlyList<string> FaultsOf(StarModel model)
    {
        var faults = new List<string>();
        CheckNames(model, faults);
        foreach (var table in model.Tables)
            CheckTable(table, faults);
        foreach (var fact in model.Facts)
            CheckFact(model, fact, faults);
        return faults;
    }

    private static void CheckNames(StarModel model, List<string> faults)
    {
        foreach (var source in Twice(model.Tables.Select(table => table.Source)))
            faults.Add($"tables: '{source}' stands there twice; keep one");
        var names = model.Tables.SelectMany(table =>
            table.Companions.SelectMany(companion => new[] { companion.Name, companion.View }).Prepend(table.Landing))
            .Concat(model.Facts.SelectMany(fact => new[] { fact.Name, fact.Next }));
        foreach (var name in Twice(names))
            faults.Add($"'{name}' names two tables in ClickHouse; give one of them another name");
    }

    private static void CheckTable(TableMapping table, List<string> faults)
    {
        var path = $"tables.{table.Source}";
        if (table.Columns.Count == 0)
            faults.Add($"{path}: it has no column");
        if (table.Key.Count == 0 && !table.AppendOnly)
            faults.Add($"{path}: no column has \"isKey\": mark those of the primary key, or the table as append-only");
        foreach (var name in Twice(table.Columns.Select(column => column.Source)))
            faults.Add($"{path}: column '{name}' is there twice; keep one");
        foreach (var name in Twice([.. table.Columns.Select(column => column.Landing), .. SystemColumns.Landing, SystemColumns.LsnText]))
            faults.Add($"{path}: '{name}' names two columns in ClickHouse; give one of them another name");
        foreach (var column in table.Columns.Where(column => column.IsKey && (column.Type.NullIsDefault || column.Type is JsonType)))
            faults.Add(
                $"{path}.{column.Source}: {column.Type} cannot be a key, by which rows are ordered; ask for " +
                "String, which is PostgreSQL's text of it");
        foreach (var column in table.Columns.Where(column => column.IsKey && column.Type.TakesNull))
            faults.Add(
                $"{path}.{column.Source}: a key takes no NULL, since two rows with NULL would become one; leave the column out of the key");

        foreach (var companion in table.Companions)
        {
            if (companion.Columns.Count == 0)
                faults.Add($"{path}: companion '{companion.Name}' has no columns");
            foreach (var column in companion.Columns.Where(column => table.Columns.All(known => known.Landing != column)))
                faults.Add($"{path}: companion '{companion.Name}' names column '{column}', which {table.Landing} does not have");
        }
    }

    private static void CheckFact(StarModel model, FactMapping fact, List<string> faults)
    {
        var path = $"facts.{fact.Name}";
        if (model.Find(fact.Root) is not { } root)
        {
            faults.Add($"{path}: its root '{fact.Root}' is no table of the model; mirror it");
            return;
        }
        foreach (var keyless in fact.Parents.Select(parent => model.Find(parent.Table)).Prepend(root)
            .Where(table => table is { AppendOnly: true }).Distinct())
            faults.Add(
                $"{path}: '{keyless!.Source}' is append-only, and its rows have no key, by which a fact's would be known; read " +
                $"{keyless.Landing}");

        var rows = new Dictionary<string, TableMapping> { [FactMapping.RootAlias] = root };
        foreach (var parent in fact.Parents)
        {
            var at = $"{path}.{parent.Alias}";
            if (model.Find(parent.Table) is not { } table)
                faults.Add($"{at}: '{parent.Table}' is no table of the model; mirror it");
            else if (!rows.TryGetValue(parent.Child, out var child))
                faults.Add(
                    $"{at}: no row before it goes by the alias '{parent.Child}', which points to it; close the chain from the root on");
            else
                CheckParent(parent, child, table, at, faults);
            if (model.Find(parent.Table) is { } known && !rows.TryAdd(parent.Alias, known))
                faults.Add($"{at}: the alias is there twice; give one of them another");
        }

        foreach (var name in Twice([.. fact.Columns.Select(column => column.Name), .. SystemColumns.Fact, SystemColumns.LsnText]))
            faults.Add($"{path}: '{name}' names two columns; give one of them another name");
        if (fact.Columns.Count(column => column.IsKey) != root.Key.Count || fact.Columns.Take(root.Key.Count).Any(column => !column.IsKey))
            faults.Add(
                $"{path}: its first columns must be the key of '{fact.Root}' ({string.Join(", ", root.KeyColumns)}), each with \"isKey\"");
        CheckDepth(fact, path, faults);
    }

    private static void CheckParent(ParentMapping parent, TableMapping child, TableMapping table, string at, List<string> faults)
    {
        foreach (var column in parent.Columns.Where(column => child.Columns.All(known => known.Landing != column)))
            faults.Add($"{at}: {child.Landing} has no column '{column}'");
        if (parent.Columns.Count != table.Key.Count)
            faults.Add(
                $"{at}: {parent.Columns.Count} columns point to the {table.Key.Count} key columns of '{table.Source}'; name as many");
        if (child.Companions.FirstOrDefault(companion => companion.Name == parent.Companion) is not { } companion)
            faults.Add(
                $"{at}: '{child.Source}' has no companion '{parent.Companion}'; add it, with the columns " +
                $"{string.Join(", ", parent.Columns)}");
        else if (!companion.Columns.SequenceEqual(parent.Columns))
            faults.Add(
                $"{at}: companion '{companion.Name}' has the columns {string.Join(", ", companion.Columns)}, and this row is pointed to " +
                $"by {string.Join(", ", parent.Columns)}");
    }

    private static void CheckDepth(FactMapping fact, string path, List<string> faults)
    {
        if (PartVersions.LevelsOf(fact).Count > PartVersions.MostLevels)
            faults.Add(
                $"{path}: it goes over {PartVersions.LevelsOf(fact).Count - 1} foreign keys in a row, and {PartVersions.MostLevels - 1} " +
                "are the most; make a fact of a part of the way");
    }

    private static IEnumerable<string> Twice(IEnumerable<string> names) =>
        names.GroupBy(name => name).Where(name => name.Count() > 1).Select(name => name.Key);
}
