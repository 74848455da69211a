namespace AspireCdc.Tests.ModelChecking;

/// <summary>
/// What one ordered reader makes of a batch. A root that the batch has brought is not read again: the last of its rows there is its
/// newest, or what is newer derives it at a higher position, from its own batch or at its marker. Only what it points to is read.
/// While nothing that a fact points to is in the batch, its facts are derived as the batch lands; which facts show a changed row is
/// asked at the same time, and those are derived once it has landed.
/// </summary>
internal sealed class BatchFacts(Dice dice, Rule broken, ClickHouse clickHouse, Star star)
{
    private static readonly Table[] PartsOfOrders = [Table.Customer], PartsOfItems = [Table.Order, Table.Product, Table.Customer];

    public IEnumerable<Write> Apply(IReadOnlyCollection<Landed> rows, IReadOnlyCollection<Key> touched, UInt128 position)
    {
        var brought = rows.Where(row => !row.IsCleared).GroupBy(row => row.Key)
            .ToDictionary(known => known.Key, known => known.MaxBy(row => row.Version));
        var roots = brought.Keys.Where(key => key.Table is Table.Order or Table.Item)
            .ToLookup(key => key.Table is Table.Order ? PartsOfOrders : PartsOfItems);
        var (early, late) = (new List<IEnumerable<Write>>(), new List<IEnumerable<Write>>());
        foreach (var fact in roots)
        {
            var derivation = star.Put([.. fact], position, own: brought.GetValueOrDefault, clickHouse.Newest);
            var waits = fact.Key.Any(part => touched.Any(key => key.Table == part)) && broken != Rule.PartsOfTheBatchLandFirst;
            (waits ? late : early).Add(derivation);
        }

        var reached = new HashSet<Key>();
        early.Add(star.Reach(touched, reached));
        early.AddRange(rows.GroupBy(row => row.Key.Table).Select(table => Enumerable.Repeat(Write.Of(table), 1)));
        foreach (var step in Together(early))
            yield return step;

        reached.ExceptWith(brought.Keys);
        late.Add(star.Put(reached, position, clickHouse.Newest, clickHouse.Newest));
        foreach (var step in Together(late))
            yield return step;
    }

    /// <summary>Several requests at once: their steps mix, and a crash may find two of them on their way.</summary>
    private IEnumerable<Write> Together(IEnumerable<IEnumerable<Write>> requests)
    {
        var running = requests.Select(request => request.GetEnumerator()).Where(request => request.MoveNext()).ToList();
        while (running.Count > 0)
        {
            var moved = dice.Shuffle(running)[..Math.Min(running.Count, dice.Between(1, 2))];
            yield return moved is [var first, var second] ? first.Current with { And = second.Current } : moved[0].Current;
            foreach (var request in moved.Where(request => !request.MoveNext()))
                running.Remove(request);
        }
    }
}
