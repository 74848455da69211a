using System.Numerics;

namespace AspireCdc.Tests.ModelChecking;

/// <summary>A row of a landing table; without a <paramref name="Row"/> it is a tombstone. Version 0 means that nothing is there.</summary>
internal sealed record Landed(Key Key, UInt128 Version, Row? Row, int Partition = -1)
{
    /// <summary>A TRUNCATE's tombstone: no change names its key.</summary>
    public bool IsCleared { get; init; }
}

/// <summary>A row of a fact table; without a <paramref name="Fact"/> it is a tombstone.</summary>
internal sealed record Derived(Key Key, BigInteger Version, Fact? Fact);

/// <summary>One INSERT. It arrives whole or not at all, but perhaps long after its sender has died.</summary>
internal sealed record Write(IReadOnlyList<Landed> Landing, IReadOnlyList<Derived> Facts)
{
    /// <summary>Not a write: a moment at which the rest of the world may move, or this process may die.</summary>
    public static readonly Write Pause = new([], []);

    /// <summary>A pause because there is nothing to do.</summary>
    public static readonly Write Idle = new([], []);

    /// <summary>Writes outside the stream's order (copies, retries) end with their process: a successor waits
    /// for them before it starts.</summary>
    public bool EndsWithItsProcess { get; init; }

    /// <summary>Facts for the table beside, which is derived anew.</summary>
    public bool OnlyBeside { get; init; }

    /// <summary>Facts that the table beside does not get.</summary>
    public bool NotBeside { get; init; }

    /// <summary>Another one that is on its way at the same time; which of them arrives first, or at all, nobody knows.</summary>
    public Write? And { get; init; }

    /// <summary>A statement that is no INSERT; it outlives a power loss.</summary>
    public Action<ClickHouse>? Statement { get; init; }

    /// <summary>What the statement does when its sender is dead, and asks for no second step.</summary>
    public Action<ClickHouse>? IfLate { get; init; }

    public static Write Of(IEnumerable<Landed> rows) => new([.. rows], []);

    public static Write Of(IEnumerable<Derived> facts) => new([], [.. facts]);

    public static Write Of(Action<ClickHouse> statement) => new([], []) { Statement = statement };
}

/// <summary>
/// <c>ReplacingMergeTree(version, is_deleted)</c> read with FINAL: of each key the row with the highest version, of equal versions the one
/// inserted last. Inserted is not durable: a power loss takes any of the inserts since the last <see cref="Sync"/>.
/// </summary>
internal sealed class ClickHouse(Dice dice)
{
    private readonly Dictionary<Key, Landed> _landing = [];
    private Dictionary<Key, Derived> _facts = [];
    private Dictionary<Key, Derived>? _next;
    private readonly List<Write> _unsynced = [];
    private Landed[] _syncedLanding = [];
    private Derived[] _syncedFacts = [];
    private Derived[] _syncedNext = [];
    private bool _isNextOld;

    // The clones that a statement has made, and not put in the facts' place so far.
    private readonly List<Clone> _clones = [];

    public IReadOnlyCollection<Landed> Landing => _landing.Values;

    public IReadOnlyCollection<Derived> Facts => _facts.Values;

    /// <summary>The facts have a definition that no reader has any more.</summary>
    public bool IsOld { get; private set; }

    public bool HasNext => _next is not null;

    /// <summary>It is recorded that the facts were derived whole by the readers' definition, in <see cref="WholeTable"/>.</summary>
    public bool IsWhole { get; private set; } = true;

    /// <summary>The table that the record speaks of, as its UUID does.</summary>
    public int WholeTable { get; private set; }

    /// <summary>The table that the facts have: another one after each replacing.</summary>
    public int FactTable { get; private set; }

    public Landed? Newest(Key key) => _landing.GetValueOrDefault(key);

    public void Apply(Write write)
    {
        // Rows of one INSERT have no order that anybody may rely on.
        foreach (var row in dice.Shuffle(write.Landing))
            if (!(Newest(row.Key)?.Version > row.Version))
                _landing[row.Key] = row;
        if (!write.OnlyBeside)
            Put(_facts, write.Facts);
        if (_next is not null && !write.NotBeside)
            Put(_next, write.Facts);
        if (write.Landing.Count + write.Facts.Count > 0)
            _unsynced.Add(write with { And = null });
        write.Statement?.Invoke(this);
        if (write.And is { } other)
            Apply(other);
    }

    /// <summary>Makes the table beside the facts', if it is not there.</summary>
    public void BeginNext() => _next ??= [];

    /// <summary>Readers of another definition are about to start, and there is a table for it beside the facts'.</summary>
    public void ChangeDefinition()
    {
        (_next, _syncedNext, _isNextOld) = ([], [], false);
        (IsOld, IsWhole) = (true, false);
    }

    /// <summary>The former readers' definition comes back, which is recorded as whole; the table beside is made for it.</summary>
    public void ChangeBack()
    {
        (_next, _syncedNext, _isNextOld) = ([], [], false);
        (IsOld, IsWhole) = (false, true);
    }

    /// <summary>The facts' table was made just now.</summary>
    public void MakeFactsAnew()
    {
        (_facts, _syncedFacts, IsWhole) = ([], [], false);
        FactTable++;
        for (var i = 0; i < _unsynced.Count; i++)
            _unsynced[i] = _unsynced[i] with { Facts = [] };
    }

    /// <summary>The keys of the facts' roots that have landed.</summary>
    public Queue<Key> Roots() => new(Landing.Select(row => row.Key).Where(key => key.Table is Table.Order or Table.Item));

    /// <summary>Records that a table of the facts was derived whole by the readers' definition.</summary>
    public void Record(int table) => (IsWhole, WholeTable) = (true, table);

    /// <summary>The facts are to be derived whole.</summary>
    public void Forget() => IsWhole = false;

    /// <summary>
    /// CREATE OR REPLACE … CLONE AS the table beside, then DROP of that. The server makes a table of the parts that are there, under a name
    /// of its own, and puts that in the place of the old one (InterpreterCreateQuery::doCreateOrReplaceTable): others write in between,
    /// and the second step may come late.
    /// </summary>
    public static IEnumerable<Write> Replace()
    {
        Clone? clone = null;
        yield return Write.Of(store => clone = store.CloneNext()) with { IfLate = static store => store.PutInPlace(store.CloneNext()) };
        yield return Write.Of(store => store.PutInPlace(clone));
        yield return Write.Of(DropNext);
    }

    public static void DropNext(ClickHouse store) => (store._next, store._syncedNext) = (null, []);

    /// <summary>
    /// EXCHANGE TABLES, then DROP of the old one; only where a rule is broken, so nothing is said of what power losses leave of it.
    /// </summary>
    public static IEnumerable<Write> ReplaceByExchange() => [Write.Of(static store => store.Exchange()), Write.Of(DropNext)];

    private void Exchange()
    {
        if (_next is null)
            return;
        (_facts, _next, IsOld, _isNextOld) = (_next, _facts, _isNextOld, IsOld);
        FactTable++;
        Sync();
    }

    private Clone? CloneNext()
    {
        if (_next is null)
            return null;
        var clone = new Clone(new(_next), _isNextOld) { Synced = _syncedNext, Unsynced = [.. _unsynced.Select(write => write.Facts)] };
        _clones.Add(clone);
        return clone;
    }

    /// <summary>That is durable, and what the table holds is as durable as it was.</summary>
    private void PutInPlace(Clone? clone)
    {
        if (clone is null)
            return;
        _clones.Remove(clone);
        (_facts, _syncedFacts, IsOld) = (clone.Facts, clone.Synced, clone.IsOld);
        FactTable++;
        for (var i = 0; i < _unsynced.Count; i++)
            _unsynced[i] = _unsynced[i].NotBeside ? _unsynced[i] with { Facts = [] }
                : _unsynced[i] with { OnlyBeside = !clone.Unsynced.Contains(_unsynced[i].Facts) };
    }

    private static void Put(Dictionary<Key, Derived> table, IEnumerable<Derived> facts)
    {
        foreach (var fact in facts)
            if (!(table.GetValueOrDefault(fact.Key)?.Version > fact.Version))
                table[fact.Key] = fact;
    }

    public void Sync()
    {
        (_syncedLanding, _syncedFacts, _syncedNext) = ([.. _landing.Values], [.. _facts.Values], _next is null ? [] : [.. _next.Values]);
        _unsynced.Clear();
        foreach (var clone in _clones)
            (clone.Synced, clone.Unsynced) = ([.. clone.Facts.Values], []);
    }

    public void LosePower()
    {
        _clones.Clear();
        _landing.Clear();
        _facts.Clear();
        foreach (var row in _syncedLanding)
            _landing[row.Key] = row;
        foreach (var fact in _syncedFacts)
            _facts[fact.Key] = fact;
        _next?.Clear();
        if (_next is not null)
            Put(_next, _syncedNext);
        var written = _unsynced.ToArray();
        _unsynced.Clear();
        foreach (var write in written.Where(_ => dice.Chance(0.5)))
            Apply(write);
        Sync();
    }

    /// <summary><c>OPTIMIZE … FINAL CLEANUP</c>: forgets tombstones, and with them their versions.</summary>
    public void Cleanup()
    {
        foreach (var row in Landing.Where(row => row.Row is null).ToArray())
            _landing.Remove(row.Key);
        foreach (var fact in Facts.Where(fact => fact.Fact is null).ToArray())
            _facts.Remove(fact.Key);
    }

    /// <summary>What the table beside held when it was cloned.</summary>
    private sealed class Clone(Dictionary<Key, Derived> facts, bool isOld)
    {
        public Dictionary<Key, Derived> Facts => facts;

        public bool IsOld => isOld;

        public required Derived[] Synced { get; set; }

        public required IReadOnlyList<IReadOnlyList<Derived>> Unsynced { get; set; }
    }
}
