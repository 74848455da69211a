using System.Collections.Immutable;
using State = System.Collections.Immutable.ImmutableDictionary<AspireCdc.Tests.ModelChecking.Key, AspireCdc.Tests.ModelChecking.Row>;

namespace AspireCdc.Tests.ModelChecking;

internal enum Operation
{
    Insert,
    Update,
    Delete,
    Truncate,
}

/// <summary>One change of a transaction. An update may carry its old key, the same or another; <paramref name="TextUnchanged"/> means
/// that the text was not sent.</summary>
internal sealed record Change(Operation Operation, Key Key, long Record, Row? Row = null, Key? OldKey = null, bool TextUnchanged = false,
    ImmutableArray<Table> Truncated = default)
{
    /// <summary>What the table was when the row changed, as its relation says.</summary>
    public Form Form { get; init; }
}

/// <summary>
/// What <c>pg_logical_emit_message</c> puts into the stream: a table has been copied as of <paramref name="Snapshot"/>, the dead letter
/// <paramref name="Retried"/> has been landed, or the row <paramref name="Repaired"/> is to be read and landed at this place
/// (<paramref name="Asked"/>: as it was when somebody asked for that).
/// </summary>
internal sealed record Marker(Table Table, long Snapshot, bool Sweep, DeadLetter? Retried = null, Key? Repaired = null, Row? Asked = null)
{
    /// <summary>What the table was as of the snapshot.</summary>
    public Form Form { get; init; }
}

/// <summary>One entry of the replication stream. The stream is ordered by commit, and changes stand in it at
/// their transaction's commit.</summary>
internal sealed record Entry(long Commit, bool EndsCommit, Change? Change, Marker? Marker)
{
    /// <summary>An event trigger's message: this table's values were rewritten, without an event for each row.</summary>
    public Table? Rewritten { get; init; }

    public long Record => Change?.Record ?? Commit;
}

/// <summary>
/// The source. Transactions are generated in commit order, but LSNs are given as PostgreSQL gives them: an INSERT that had to wait for
/// another transaction's DELETE of its key has written its record before that DELETE. A commit stands in the
/// stream a moment before readers see it.
/// </summary>
internal sealed class Postgres(Dice dice, Rule broken)
{
    private const int Ids = 3;

    private readonly List<(long Lsn, State State)> _commits = [(0, State.Empty)];
    private readonly List<(long Lsn, Table Table)> _truncates = [];
    private long _lsn;
    private long _beforePrevious;
    private Table[] _truncatedByPrevious = [];
    private bool _lastIsVisible = true;
    private Marker? _found;

    public List<Entry> Stream { get; } = [];

    public State Now => _commits[^1].State;

    public Catalog Catalog { get; } = new();

    /// <summary>The end of what has been written.</summary>
    public long Lsn => _lsn;

    /// <summary>Tables that an open transaction reads: TRUNCATE waits for it.</summary>
    public List<Table> Locked { get; } = [];

    /// <summary>Tables that lost changes while they were not published, and the LSN of the last of these.</summary>
    public Dictionary<Table, long> Lost { get; } = [];

    public bool MayTruncate { get; init; } = true;

    public bool MayLose { get; init; } = true;

    /// <summary>A snapshot's consistent point: what commits before it is in the snapshot, everything else is in the stream.</summary>
    public long ConsistentPoint()
    {
        _lastIsVisible = true;
        return ++_lsn;
    }

    /// <summary>Reads a table as of a snapshot. TRUNCATE is not MVCC-safe: a table truncated since then reads as empty.</summary>
    public IEnumerable<KeyValuePair<Key, Row>> ReadAsOf(long snapshot, Table table) =>
        _truncates.Exists(truncate => truncate.Table == table && truncate.Lsn > snapshot)
            ? []
            : _commits.FindLast(commit => commit.Lsn <= snapshot).State.Where(row => row.Key.Table == table);

    /// <summary>What a query sees now. Waiting for a transaction (<c>pg_xact_status</c>) makes the last commit visible, too.</summary>
    public Row? Read(Key key, bool waitUntilVisible)
    {
        _lastIsVisible |= waitUntilVisible;
        return (_lastIsVisible ? Now : _commits[^2].State).GetValueOrDefault(key);
    }

    /// <summary>A change of a table itself. Its dice are its own: histories without such changes stay as they are.</summary>
    public void Alter(Dice ddl)
    {
        var table = (Table)ddl.Below(4);
        if (Locked.Contains(table))
            return; // it waits for a copy's range
        var form = Catalog[table];
        _lastIsVisible = true;
        switch (ddl.Below(5))
        {
            case 0:
                Catalog[table] = form with { HasText = !form.HasText };
                break;
            case 1:
                Catalog[table] = form with { IsRenamed = !form.IsRenamed };
                break;
            case 2:
                Catalog[table] = form with { File = form.File + 1 }; // VACUUM FULL
                break;
            case 3:
                // Another table takes the name; it was filled while nobody published it.
                Catalog[table] = new Form(form.Oid + 1, form.File + 1, HasText: true, IsRenamed: false);
                Rewrite(table, row => ddl.Chance(0.7) ? row with { Value = ddl.Below(1000) } : null);
                break;
            default:
                Catalog[table] = form with { File = form.File + 1 };
                Rewrite(table, row => row with { Value = row.Value + 1 }); // ALTER … TYPE … USING
                Stream.Add(new(_lsn, EndsCommit: true, Change: null, Marker: null) { Rewritten = table });
                break;
        }
    }

    /// <summary>All tables can be read again.</summary>
    public void MakeReadable()
    {
        foreach (var table in Enum.GetValues<Table>())
            Catalog[table] = Catalog[table] with { HasText = true, IsRenamed = false };
    }

    /// <summary>Values change without an event for any row. Whoever reads with an older snapshot finds nothing.</summary>
    private void Rewrite(Table table, Func<Row, Row?> change)
    {
        var rows = Now.ToBuilder();
        foreach (var (key, row) in Now.Where(row => row.Key.Table == table))
        {
            if (change(row) is { } changed)
                rows[key] = changed;
            else
                rows.Remove(key);
        }
        var commit = ++_lsn;
        _commits.Add((commit, rows.ToImmutable()));
        _truncates.Add((commit, table));
        _beforePrevious = 0; // nothing that began before it commits after it
    }

    /// <summary>
    /// Somebody finds a row that differs, and a moment later, at the next call, asks for it once more; true if that was asked.
    /// </summary>
    public bool AskForRepair(Dice dice)
    {
        if (_found is { } found)
        {
            Emit(found);
            _found = null;
            return true;
        }

        var key = new Key((Table)dice.Below(4), dice.Between(1, Ids));
        _found = new(key.Table, Snapshot: 0, Sweep: false, Repaired: key, Asked: Now.GetValueOrDefault(key));
        return false;
    }

    /// <summary>
    /// The row that a repair lands: as it is once all that was committed before the marker is visible. What comes later follows in the
    /// stream.
    /// </summary>
    public Row? ReadForRepair(Marker marker) => broken == Rule.RepairIsReadAtItsMarker
        ? marker.Asked
        : Read(marker.Repaired!.Value, waitUntilVisible: broken != Rule.RepairIsReadOnceVisible);

    public void Emit(Marker marker) => Stream.Add(new(++_lsn, EndsCommit: true, Change: null, marker));

    public void Commit()
    {
        _lastIsVisible = true;
        var early = _beforePrevious;
        _beforePrevious = ++_lsn;
        var rows = Now.ToBuilder();
        var changes = new List<Change>();
        for (var wanted = dice.Between(1, 4); wanted > 0; wanted--)
            changes.AddRange(Change(rows));
        Finish(rows.ToImmutable(), changes, early);
    }

    /// <summary>Writes the whole row of a key again, or deletes it again: whatever was incomplete in the
    /// topic is complete after it.</summary>
    public void Rewrite(Key key)
    {
        var row = Now.GetValueOrDefault(key);
        var changes = row is null
            ? new[] { new Change(Operation.Insert, key, ++_lsn, NewRow() with { Unreadable = false }),
                new Change(Operation.Delete, key, ++_lsn) }
            : [new Change(Operation.Update, key, ++_lsn, row with { Unreadable = false })];
        Finish(row is null ? Now : Now.SetItem(key, row with { Unreadable = false }), changes, early: 0);
    }

    private void Finish(State rows, IReadOnlyList<Change> changes, long early)
    {
        var commit = ++_lsn;
        _commits.Add((commit, rows));
        _lastIsVisible = dice.Chance(0.5);
        _truncates.AddRange(changes.Where(change => change.Operation == Operation.Truncate)
            .SelectMany(change => change.Truncated.Select(table => (commit, table))));

        // A waiting INSERT: its record is older than those of the transaction that it waited for (which held no lock on the whole table).
        if (early > 0 && changes[0] is { Operation: Operation.Insert } first && !_truncatedByPrevious.Contains(first.Key.Table)
            && dice.Chance(0.4))
            changes = [first with { Record = early }, .. changes.Skip(1)];
        _truncatedByPrevious = [.. changes.Where(change => change.Operation == Operation.Truncate).SelectMany(change => change.Truncated)];

        if (MayLose && dice.Chance(0.05))
        {
            foreach (var table in changes.SelectMany(change =>
                change.Operation == Operation.Truncate ? change.Truncated : [change.Key.Table]))
                Lost[table] = commit;
            return;
        }

        for (var i = 0; i < changes.Count; i++)
            Stream.Add(new(commit, EndsCommit: i == changes.Count - 1, changes[i] with { Form = Catalog[changes[i].Key.Table] },
                Marker: null));
    }

    private IEnumerable<Change> Change(State.Builder rows)
    {
        var key = new Key((Table)dice.Below(4), dice.Between(1, Ids));
        if (MayTruncate && dice.Chance(0.08) && Truncate(rows, key.Table) is { } truncate)
            return [truncate];
        if (!rows.TryGetValue(key, out var row))
            return [new(Operation.Insert, key, ++_lsn, rows[key] = NewRow())];
        if (dice.Chance(0.25))
        {
            rows.Remove(key);
            return [new(Operation.Delete, key, ++_lsn)];
        }

        // An update leaves the text as it is half of the time, and under REPLICA IDENTITY FULL it names
        // its old key whether that changed or not.
        var unchanged = dice.Chance(0.5);
        var updated = NewRow() with { Text = unchanged ? row.Text : dice.Below(1000) };
        var to = key with { Id = dice.Between(1, Ids) };
        if (to == key || (rows.ContainsKey(to) && broken != Rule.KeysAreImmediatelyUnique))
        {
            rows[key] = updated;
            return [new(Operation.Update, key, ++_lsn, updated, OldKey: dice.Chance(0.5) ? key : null, unchanged)];
        }

        rows.Remove(key);
        var moved = new Change(Operation.Update, to, ++_lsn, updated, OldKey: key, unchanged);
        if (!rows.TryGetValue(to, out var other))
        {
            rows[to] = updated;
            return [moved];
        }

        // Only a deferrable key allows this: two rows change places.
        (rows[to], rows[key]) = (updated, other);
        return [moved, new(Operation.Update, key, ++_lsn, other, OldKey: to, TextUnchanged: false)];
    }

    private Change? Truncate(State.Builder rows, Table table)
    {
        ImmutableArray<Table> tables = table switch
        {
            Table.Customer => [Table.Customer, Table.Order, Table.Item], // CASCADE comes as one message
            Table.Product => [Table.Product, Table.Item],
            Table.Order => [Table.Order, Table.Item],
            _ => [Table.Item],
        };
        if (tables.Any(Locked.Contains) || tables.Any(truncated => Catalog[truncated].IsRenamed))
            return null;
        rows.RemoveRange([.. rows.Keys.Where(key => tables.Contains(key.Table))]);
        return new(Operation.Truncate, default, ++_lsn, Truncated: tables);
    }

    private Row NewRow() =>
        new(dice.Below(1000), dice.Below(1000), dice.Between(1, Ids), dice.Between(1, Ids), Unreadable: dice.Chance(0.08));
}
