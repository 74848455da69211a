namespace AspireCdc.Tests.ModelChecking;

/// <summary>
/// What one ordered reader makes of a batch. A root that the batch has brought is not read again: the last of its rows there is its
/// newest, or what is newer derives it at a higher position, from its own batch or at its marker. What it points to is the batch's, or
/// known from the batches before; what is not is read, and known from then on. So these facts are derived as the batch lands. Which
/// others show a changed row is asked at the same time, and those are derived once it has landed.
/// </summary>
internal sealed class BatchFacts(Dice dice, Rule broken, ClickHouse clickHouse, Star star)
{
    private readonly Dictionary<Key, Landed?> _known = [];

    /// <summary>Something came that names no keys, or rows that were there before.</summary>
    public void Forget()
    {
        if (broken != Rule.KnownPartsAreForgotten)
            _known.Clear();
    }

    /// <summary>Another program knows nothing.</summary>
    public void Begin() => _known.Clear();

    public IEnumerable<Write> Apply(IReadOnlyCollection<Landed> rows, IReadOnlyCollection<Key> touched, UInt128 position)
    {
        var brought = rows.Where(row => !row.IsCleared).GroupBy(row => row.Key)
            .ToDictionary(known => known.Key, known => known.MaxBy(row => row.Version));
        foreach (var (key, row) in brought)
            _known[key] = row;
        if (broken == Rule.PartsOfTheBatchCount)
            Begin();

        var reached = new HashSet<Key>();
        List<IEnumerable<Write>> early = [star.Reach(touched, reached)];
        early.AddRange(brought.Keys.Where(key => key.Table is Table.Order or Table.Item).GroupBy(key => key.Table)
            .Select(roots => star.Put([.. roots], position, own: brought.GetValueOrDefault, Known)));
        early.AddRange(rows.GroupBy(row => row.Key.Table).Select(table => Enumerable.Repeat(Write.Of(table), 1)));
        foreach (var step in Together(early))
            yield return step;

        reached.ExceptWith(brought.Keys);
        foreach (var step in star.Put(reached, position, clickHouse.Newest, clickHouse.Newest))
            yield return step;
    }

    /// <summary>
    /// What it makes of a large one, which lands first. Its own facts are derived from the landed rows of its versions, unless a merge has
    /// put a newer one in a row's place, which is derived where the stream comes by it, or at its marker.
    /// </summary>
    public IEnumerable<Write> ApplyLarge(IReadOnlyCollection<Landed> rows, IReadOnlyCollection<Key> touched, UInt128 position)
    {
        Forget();
        foreach (var step in Together(rows.GroupBy(row => row.Key.Table).Select(table => Enumerable.Repeat(Write.Of(table), 1))))
            yield return step;

        var brought = rows.GroupBy(row => row.Key).ToDictionary(
            known => known.Key,
            known => broken == Rule.NewestOfTheBatchCounts ? known.MinBy(row => row.Version) : known.MaxBy(row => row.Version));
        var others = new HashSet<Key>();
        foreach (var step in star.Reach(touched, others))
            yield return step;
        others.ExceptWith(brought.Keys);
        List<IEnumerable<Write>> facts = [star.Put(Own(), position, own: brought.GetValueOrDefault, clickHouse.Newest)];
        if (broken != Rule.OthersOfTheBatchAreFoundByKey)
            facts.Add(star.Put(others, position, clickHouse.Newest, clickHouse.Newest));
        foreach (var step in Together(facts))
            yield return step;

        IEnumerable<Key> Own() => brought
            .Where(row => row.Key.Table is Table.Order or Table.Item)
            .Where(row => !(clickHouse.Newest(row.Key)!.Version > row.Value!.Version) || dice.Chance(0.5)).Select(row => row.Key);
    }

    private Landed? Known(Key key)
    {
        if (!_known.TryGetValue(key, out var row))
            _known.Add(key, row = clickHouse.Newest(key));
        return row;
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
