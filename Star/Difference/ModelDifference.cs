using AspireCdc.Star.Model;

namespace AspireCdc.Star.Difference;

/// <summary>
/// The way from one model to the next: what makes ClickHouse's tables those of the new one, in the order landing tables, companions, views,
/// their filling, facts, and at last what is gone.
/// </summary>
/// <param name="Operations">The steps; none if there is no difference.</param>
/// <param name="Faults">
/// What cannot be told, each as a sentence with its cure and without a full stop; while there is one, the steps are not all.
/// </param>
internal sealed record ModelDifference(IReadOnlyList<Operation> Operations, IReadOnlyList<string> Faults)
{
    /// <summary>Compares two models.</summary>
    /// <param name="before">The model that ClickHouse's tables are of.</param>
    /// <param name="after">The model that they are to be of.</param>
    /// <param name="said">Renamings and losses that were said.</param>
    public static ModelDifference Between(StarModel before, StarModel after, SaidChanges said)
    {
        var faults = new List<string>();
        var pairs = after.Tables.Select(table => new TablePair(before.Find(table.Source) ?? Old(before, table, said), table)).ToList();
        var changes = pairs.Select(pair => new TableDifference(pair, said, faults)).ToList();
        var goneTables = before.Tables.Except(pairs.Select(pair => pair.Before).OfType<TableMapping>()).ToList();
        var facts = new FactDifference(before, after, said, faults);
        foreach (var table in goneTables.Where(table => !said.Dropped.Contains(table.Source)))
        {
            faults.Add(
                $"the table {table.Source} is gone: say [Dropped(\"{table.Source}\")] on the context if its rows in {table.Landing} " +
                "shall go, "
                + $"or [WasCalled(\"{table.Source}\")] on the entity that it became");
        }

        return new(
            [
                .. changes.SelectMany(change => change.ViewsInTheWay),
                .. facts.Renamings,
                .. changes.SelectMany(change => change.Landing),
                .. changes.SelectMany(change => change.Companions),
                .. changes.SelectMany(change => change.Views),
                .. changes.SelectMany(change => change.Fillings),
                .. facts.Changes,
                .. changes.SelectMany(change => change.Losses),
                .. facts.Losses,
                .. goneTables.SelectMany(table => table.Companions.Select(companion => new DropCompanion(companion, IsMadeAnew: false))),
                .. goneTables.Select(table => new DropTable(table.Landing, $"{table.Source} is no longer mirrored")),
            ],
            faults);
    }

    /// <summary>The statements of all steps, in order.</summary>
    public IEnumerable<string> Statements => Operations.SelectMany(operation => operation.Statements);

    private static TableMapping? Old(StarModel before, TableMapping table, SaidChanges said) =>
        said.TablesWere.TryGetValue(table.Source, out var name) ? before.Find(name) : null;
}

/// <summary>A table as it was, or null if it is new, and as it is to be.</summary>
internal sealed record TablePair(TableMapping? Before, TableMapping After);
