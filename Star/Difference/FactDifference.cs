using AspireCdc.Star.Model;

namespace AspireCdc.Star.Difference;

/// <summary>
/// What happens to facts. They are functions of the landing tables: one that is another than before is derived whole, beside the old one.
/// </summary>
internal sealed class FactDifference
{
    private readonly List<Operation> _renamings = [];
    private readonly List<Operation> _changes = [];
    private readonly List<Operation> _losses = [];

    public FactDifference(StarModel before, StarModel after, SaidChanges said, List<string> faults)
    {
        var left = before.Facts.ToDictionary(fact => fact.Name);
        foreach (var fact in after.Facts)
        {
            if (left.Remove(fact.Name, out var old))
                Change(old, fact);
            else if (said.FactsWere.TryGetValue(fact.Name, out var name) && left.Remove(name, out old))
            {
                _renamings.Add(new RenameTable(name, fact.Name));
                Change(old with { Name = fact.Name }, fact);
            }
            else
                _changes.Add(new CreateFact(fact));
        }

        foreach (var fact in left.Values)
        {
            if (!said.Dropped.Contains(fact.Name))
                faults.Add(
                    $"the fact {fact.Name} is gone: say [Dropped(\"{fact.Name}\")] on the context if the table shall go, or " +
                    $"[WasCalled(\"{fact.Name}\")] on the fact that it became");
            _losses.Add(new DropTable(fact.Next, "the fact is no longer defined"));
            _losses.Add(new DropTable(fact.Name, "the fact is no longer defined"));
        }
    }

    public IReadOnlyList<Operation> Renamings => _renamings;

    public IReadOnlyList<Operation> Changes => _changes;

    public IReadOnlyList<Operation> Losses => _losses;

    private void Change(FactMapping old, FactMapping fact)
    {
        if (old.Fingerprint != fact.Fingerprint)
            _changes.Add(new ChangeFact(fact, Reason(old, fact)));
    }

    private static string Reason(FactMapping old, FactMapping fact)
    {
        var reasons = new List<string>();
        Add("new", fact.Columns.Select(column => column.Name).Except(old.Columns.Select(column => column.Name)));
        Add("gone", old.Columns.Select(column => column.Name).Except(fact.Columns.Select(column => column.Name)));
        Add("otherwise", fact.Columns.Where(column => old.Columns.Any(was => was.Name == column.Name && was != column))
            .Select(column => column.Name));
        if (!fact.Parents.Select(Text).SequenceEqual(old.Parents.Select(Text)))
            reasons.Add("the rows that it shows");
        return reasons.Count == 0 ? "the order of its columns" : string.Join("; ", reasons);

        void Add(string what, IEnumerable<string> columns)
        {
            if (string.Join(", ", columns) is { Length: > 0 } names)
                reasons.Add($"{what} {names}");
        }
    }

    private static string Text(ParentMapping parent) => $"{parent} {string.Join(' ', parent.Columns)}";
}
