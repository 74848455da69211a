namespace AspireCdc.Tests.ModelChecking;

/// <summary>
/// PostgreSQL → ClickHouse with one ordered reader, its copies and its retries, run through one random history.
/// </summary>
internal sealed class OneReader
{
    private readonly Rule _broken;
    private readonly Dice _dice;
    private readonly Postgres _postgres;
    private readonly OpenTransactions _transactions;
    private readonly ClickHouse _clickHouse;
    private readonly DeadLetters _deadLetters;
    private readonly Star _star;
    private readonly BatchFacts _facts;
    private readonly LateWrites _late;
    private readonly Process _reader;
    private readonly Process _copier;

    // The slot: where it was made, and how much of the stream it has been told to forget.
    private long _slotPoint;
    private int _acknowledged;

    // What cdc_progress holds: tables that wait for their first copy, and up to which snapshot each table has been copied.
    private readonly HashSet<Table> _uncopied = [.. Enum.GetValues<Table>()];
    private readonly Dictionary<Table, long> _copied = [];
    private bool _interrupted;
    private bool _retryAll;

    // What else it holds: what each table was when it was copied, the points of copies under way, and what a copy must come above.
    private readonly Dictionary<Table, Form> _forms = Enum.GetValues<Table>().ToDictionary(table => table, _ => default(Form));
    private readonly Dictionary<Table, long> _running = [];
    private readonly Dictionary<Table, long> _requested = [];

    // And, of copies that a crash may have interrupted, their point, what the table was then, and the ranges that need not be read again.
    private readonly Dictionary<Table, (long Point, Form Form, HashSet<int> Ranges)> _begun = [];
    private readonly Dice? _ddl;
    private readonly Dice? _floods;
    private Dictionary<Table, Form> _formsOfSlot = [];

    // The end of the last commit that was applied whole, and how often a fact may still get a new definition.
    private long _end;
    private int _rebuilds;

    /// <summary>The table of the facts whose place the one beside is to take, once that is recorded as whole; else null.</summary>
    private int? _replaces;

    private bool _isDraining;

    // Repairs hide what other rules let go wrong, so most histories have none.
    private readonly Dice _repairs;
    private int _repairsLeft;
    private readonly bool _settles;

    public OneReader(int seed, Rule broken)
    {
        _broken = broken;
        _dice = new(seed);
        // The other rules' histories stay as they are.
        _ddl = broken is Rule.None or >= Rule.ColumnThatIsGoneStopsTheStream and <= Rule.RewrittenValuesAreCopiedAnew && seed % 2 == 0
            ? new(~seed) : null;
        _floods = broken is Rule.None or Rule.NewestOfTheBatchCounts or Rule.OthersOfTheBatchAreFoundByKey ? new(seed ^ 0xF100D) : null;
        _repairs = new(~seed);
        _settles = seed % 4 == 2;
        _repairsLeft = seed % 4 == 3 ? 3 : 0;
        _postgres = new(_dice, broken);
        _transactions = new(new(seed ^ 0x0BE4), broken);
        _clickHouse = new(_dice);
        _deadLetters = new(broken);
        _star = new(_clickHouse, broken);
        _facts = new(new(seed ^ 0x5EED), broken, _clickHouse, _star);
        _late = new(_dice, _clickHouse);
        _reader = new(Read, _clickHouse);
        _copier = new(Copy, _clickHouse);
    }

    private List<Entry> Stream => _transactions.Read(_postgres.Stream);

    /// <summary>Runs the history of a seed; returns what is wrong at its end, or null.</summary>
    public string? Run(double crashRate)
    {
        for (var before = _dice.Below(8); before > 0; before--)
            _postgres.Commit();
        _postgres.Lost.Clear();
        CreateSlot();
        _rebuilds = _dice.Below(3);

        // Long and short histories (later changes of a key hide what went wrong before), a reader that keeps up and one
        // that falls behind; the same for copies.
        double readerSpeed = _dice.Pick([0.3, 0.6, 2, 5]), copierSpeed = _dice.Pick([0.1, 0.3, 1]);
        for (var steps = _dice.Between(20, 150); steps > 0; steps--)
        {
            if (_dice.Chance(0.12))
                _postgres.Commit();
            if (_ddl?.Chance(0.06) == true)
                _postgres.Alter(_ddl);
            for (var speed = readerSpeed; speed > 0; speed--)
                if (_dice.Chance(speed))
                    StepReader();
            DieAtStatement(crashRate);
            if (_dice.Chance(copierSpeed))
                _copier.Step();
            if (_dice.Chance(crashRate))
                Crash();
            if (_dice.Chance(crashRate / 2))
                LosePower();
            if (_dice.Chance(0.1))
                _late.ArriveSome();
            if (_broken == Rule.TombstonesStay && _dice.Chance(0.1))
                _clickHouse.Cleanup();
        }

        _postgres.MakeReadable();
        _isDraining = true;
        return Drain(crashRate) ?? RetryAll();
    }

    private string? RetryAll()
    {
        _retryAll = true;
        return Drain(crashRate: 0);
    }

    private string? Drain(double crashRate)
    {
        for (var step = 0; step < 20_000; step++)
        {
            if (_dice.Chance(0.05))
                _late.ArriveSome();
            StepReader();
            DieAtStatement(crashRate);
            _copier.Step();
            if (_reader.IsIdle && _copier.IsIdle && DueForCopy() is null && (!_retryAll || _deadLetters.Open.Count == 0))
            {
                if (!_late.ArriveAll())
                    return Invariant.Violation(_postgres, _clickHouse, _deadLetters);
                StepReader(); // what arrives may replace a table, and then it is not at rest
            }
        }

        return "it never comes to rest";
    }

    private void StepReader()
    {
        if (_reader.Fails())
            Crash();
    }

    private void Crash()
    {
        _late.Kill(_reader);
        _late.Kill(_copier);
        _postgres.Locked.Clear();
        _running.Clear();
        if (_uncopied.Count == 0)
            return;
        _interrupted = true;
        if (_broken == Rule.InterruptedCopyKeepsItsSlot)
            CreateSlot();
    }

    private void DieAtStatement(double crashRate)
    {
        if (!_reader.IsAtStatement || !_dice.Chance(crashRate * 5))
            return;
        if (_dice.Chance(0.3))
            LosePower();
        else
            Crash();
    }

    private void LosePower()
    {
        Crash();
        _late.Forget();
        _clickHouse.LosePower();
    }

    private void CreateSlot()
    {
        _slotPoint = _postgres.ConsistentPoint();
        _acknowledged = Stream.Count;
        _uncopied.UnionWith(Enum.GetValues<Table>());
        _formsOfSlot = _postgres.Catalog.Copy();
        _interrupted = false;
    }

    // ---- the stream
    // --------------------------------------------------------------------------------------------------------------------------

    private IEnumerable<Write> Read()
    {
        _facts.Begin();
        var next = _acknowledged;
        _end = next == 0 ? _slotPoint : Stream[next - 1].Commit + 1;
        if (_replaces is { } former)
        {
            // What was derived whole beside takes the fact's place, if it has not before: then nobody knows what came since.
            var isDue = _clickHouse.HasNext && _clickHouse.FactTable == former;
            foreach (var step in isDue ? Replace() : [Write.Of(ClickHouse.DropNext)])
                yield return step;
            _replaces = null;
            var replaced = _clickHouse.FactTable;
            if (isDue)
                yield return Write.Of(store => store.Record(replaced));
        }
        var table = _clickHouse.FactTable;
        var isBeside = false;
        var rebuilding = _clickHouse.WholeTable == table || _broken == Rule.RecordNamesItsTable ? null : _clickHouse.Roots();
        while (true)
        {
            if (IsAnother())
                throw new TableIsGoneException();
            if (rebuilding is null && _rebuilds > 0 && _dice.Chance(_isDraining ? 0.5 : 0.03))
            {
                _clickHouse.BeginNext();
                (rebuilding, isBeside) = (_clickHouse.Roots(), true);
            }
            if (rebuilding is not null && _dice.Chance(0.5))
            {
                foreach (var step in Rebuild(rebuilding, isBeside))
                    yield return step;
                if (rebuilding.Count == 0)
                {
                    if (_broken != Rule.WholeFactIsDurable)
                        _clickHouse.Sync();
                    rebuilding = null;
                    if (isBeside)
                    {
                        (_rebuilds, _replaces, isBeside) = (_rebuilds - 1, table, false);
                        foreach (var step in Replace())
                            yield return step;
                        _replaces = null;
                        table = _clickHouse.FactTable;
                    }
                    var whole = table;
                    yield return Write.Of(store => store.Record(whole));
                }
            }

            if (_deadLetters.Open.Count > 0 && (_retryAll || _dice.Chance(0.05)))
                foreach (var step in Retry(_dice.Pick([.. _deadLetters.Open])))
                    yield return step;

            if (_repairsLeft > 0 && _repairs.Chance(0.2) && _postgres.AskForRepair(_repairs))
                _repairsLeft--;

            var batch = NextBatch(next);
            if (batch.Count > 0)
            {
                batch = [.. batch.TakeWhile(MayLand)];
                if (batch.Count == 0)
                {
                    yield return Write.Pause; // it stops before that change, and acknowledges nothing beyond
                    continue;
                }
            }
            if (batch.Count == 0)
            {
                if (_ddl is not null)
                    LookAtCatalog();
                // A keepalive: nothing received is unapplied, so its position may be adopted.
                _clickHouse.Sync();
                Acknowledge(next);
                yield return rebuilding is null && (_rebuilds == 0 || !_isDraining) && !IsAnother() ? Write.Idle : Write.Pause;
                continue;
            }

            if (_broken == Rule.KeepaliveWaitsForWhatIsUnapplied)
                Acknowledge(next + batch.Count);

            var position = Version(batch[^1]);
            if (batch is [{ Rewritten: { } rewritten }] && _broken != Rule.RewrittenValuesAreCopiedAnew
                && !IsCovered(rewritten, batch[0].Commit))
                Request(rewritten, batch[0].Commit);
            var isBroken = _broken == Rule.RebuildFollowsTheStream;
            foreach (var step in batch is [{ Marker: { } marker }] ? Finish(marker, position)
                : Apply([.. batch.Where(entry => entry.Change is not null)], position))
                yield return step with { NotBeside = isBroken, And = step.And is { } other ? other with { NotBeside = isBroken } : null };
            next += batch.Count;
            if (batch[^1].EndsCommit)
                _end = batch[^1].Commit + 1;

            if (_dice.Chance(0.5))
            {
                if (_broken != Rule.AppliedIsNotDurable)
                    _clickHouse.Sync();
                if (_settles)
                    _deadLetters.SettleOvertaken(_clickHouse);
                yield return Write.Pause;
                Acknowledge(next);
            }
        }

        bool IsAnother() => _clickHouse.FactTable != table && _broken != Rule.ReplacedTableIsNoticed;
    }

    /// <summary>Puts what was derived whole, and is recorded as such, in the fact's place.</summary>
    private IEnumerable<Write> Replace()
    {
        yield return Write.Pause;
        foreach (var step in ClickHouse.Replace())
            yield return step;
    }

    /// <summary>
    /// A page of a fact, between two batches: where its definition has changed in the table beside it, and otherwise in its own, which is
    /// another than was recorded.
    /// </summary>
    private IEnumerable<Write> Rebuild(Queue<Key> roots, bool isBeside)
    {
        var page = new List<Key>();
        for (var size = _dice.Between(1, 3); size > 0 && roots.TryDequeue(out var root); size--)
            page.Add(root);
        var position = Version(_broken == Rule.RebuildStandsBelowWhatFollows
            ? _postgres.Stream.Select(entry => entry.Commit).DefaultIfEmpty().Max() + 1
            : _end);
        foreach (var step in _star.Derive(page, position))
            yield return step with { OnlyBeside = isBeside };
    }

    /// <summary>Batches are cut anywhere, also inside a transaction; a marker stands alone.</summary>
    private List<Entry> NextBatch(int next)
    {
        var entries = Stream.Skip(next).Take(_dice.Between(1, 6)).ToList();
        var marker = entries.FindIndex(entry => entry.Change is null);
        return marker < 0 ? entries : entries[..Math.Max(marker, 1)];
    }

    /// <summary>The slot restarts at a transaction's beginning: only whole transactions are acknowledged.</summary>
    private void Acknowledge(int applied)
    {
        while (applied > 0 && !Stream[applied - 1].EndsCommit)
            applied--;
        _acknowledged = Math.Max(_acknowledged, applied);
    }

    private IEnumerable<Write> Apply(List<Entry> batch, UInt128 position)
    {
        var rows = new List<Landed>();
        var touched = new HashSet<Key>();
        foreach (var entry in batch)
            Land(entry.Change!, Version(entry), rows, touched);

        var landing = rows.GroupBy(row => row.Key.Table).Select(Write.Of).ToArray();
        if (_broken == Rule.LandThenReadThenDerive)
        {
            foreach (var step in _star.Derive(touched, position).Concat(landing))
                yield return step;
            yield break;
        }

        var truncates = batch.Exists(entry => entry.Change!.Operation == Operation.Truncate);
        if (truncates)
            _facts.Forget();
        foreach (var step in truncates && _broken != Rule.BatchWithTruncateIsReadAgain
            ? landing.Concat(_star.Derive(touched, position))
            : _floods?.Chance(0.5) == true ? _facts.ApplyLarge(rows, touched, position)
            : _facts.Apply(rows, touched, position))
            yield return step;
    }

    private void Land(Change change, UInt128 version, List<Landed> rows, HashSet<Key> touched)
    {
        if (change.Operation == Operation.Truncate)
        {
            foreach (var table in change.Truncated)
            {
                var cleared = _clickHouse.Landing.Concat(rows)
                    .Where(row => row.Key.Table == table && row.Version <= version
                        && (row.Row is not null || _broken != Rule.TruncateTouchesDeletedKeys))
                    .Select(row => row.Key).ToHashSet();
                rows.AddRange(cleared.Select(key => new Landed(key, version, null) { IsCleared = true }));
                touched.UnionWith(cleared);
                _deadLetters.ResolveBelow(table, version);
            }

            return;
        }

        if (change.Form.IsRenamed && _broken == Rule.RenamedTableIsNotIgnored)
            return;
        touched.Add(change.Key);
        if (change.Operation == Operation.Delete)
        {
            rows.Add(new(change.Key, version, null));
            return;
        }

        // What lacks the column gets its default.
        var letter = change.Form.HasText || _ddl is null
            ? new DeadLetter(change.Key, version, change.Row!, change.Operation, change.OldKey, change.TextUnchanged)
            : new DeadLetter(change.Key, version, change.Row! with { Text = 0 }, change.Operation, change.OldKey, TextUnchanged: false);
        if (letter.Row.Unreadable)
            _deadLetters.Add(letter);
        if (change.OldKey is { } old
            && (old != change.Key || _broken == Rule.OldKeyIsDeletedOnlyIfItDiffers)
            && !(letter.Row.Unreadable && _broken == Rule.OldKeyIsDeletedDespiteADeadLetter))
        {
            rows.Add(new(old, version, null));
            touched.Add(old);
        }

        if (!letter.Row.Unreadable)
            rows.Add(new(change.Key, version, Complete(letter, rows)));
    }

    /// <summary>A row with its unchanged text, or null if it is gone by now: then a later change of it follows in the stream.</summary>
    private Row? Complete(DeadLetter change, IEnumerable<Landed> batch)
    {
        if (!change.TextUnchanged)
            return change.Row;
        if (_broken == Rule.UnchangedValueIsNotReadFromLanding)
        {
            var key = change.OldKey ?? change.Key;
            var landed = batch.LastOrDefault(row => row.Key == key && row.Row is not null) ?? _clickHouse.Newest(key);
            return change.Row with { Text = landed?.Row?.Text ?? 0 };
        }

        return _postgres.Read(change.Key, waitUntilVisible: _broken != Rule.UnchangedValueIsReadOnceVisible) is { } now
            ? change.Row with { Text = now.Text }
            : null;
    }

    private UInt128 Version(Entry entry) => _broken switch
    {
        Rule.LandingVersionHasTheCommit => (UInt128)entry.Record,
        Rule.LandingVersionHasTheRecord => (UInt128)entry.Commit << 64,
        _ => ((UInt128)entry.Commit << 64) + (UInt128)entry.Record,
    };

    private UInt128 Version(long snapshot) => _broken == Rule.LandingVersionHasTheCommit ? (UInt128)snapshot : (UInt128)snapshot << 64;

    // ---- the catalog
    // -------------------------------------------------------------------------------------------------------------------------

    /// <summary>
    /// A change of a table that is not what was copied may land only if a copy comes above it: where one is to come, or can be asked for
    /// now. Otherwise the stream stops before it.
    /// </summary>
    private bool MayLand(Entry entry)
    {
        if (_ddl is null || entry.Change is not { Operation: not Operation.Truncate } change)
            return true;

        var table = change.Key.Table;
        var now = _postgres.Catalog[table];
        var isAnother = change.Form.Oid != _forms[table].Oid && _broken != Rule.AnotherTableIsCopiedAnew;
        var lacks = (!change.Form.HasText || (change.TextUnchanged && !now.IsReadable)) && _broken != Rule.ColumnThatIsGoneStopsTheStream;
        var isRenamed = change.Form.IsRenamed && _broken != Rule.RenamedTableIsNotIgnored;
        if ((!isAnother && !lacks && !isRenamed) || IsCovered(table, entry.Commit))
            return true;
        // Renamed alone, it is still that table.
        if (!isAnother && !lacks && now.Oid == change.Form.Oid)
            return true;
        if (!now.IsReadable)
            return false;
        Request(table, entry.Commit);
        return true;
    }

    /// <summary>A copy has come above this commit, or is under way there.</summary>
    private bool IsCovered(Table table, long commit)
    {
        if (commit < _copied.GetValueOrDefault(table))
            return true;
        if (_running.TryGetValue(table, out var point))
            return commit < point || _broken == Rule.CopyComesAboveWhatLacks;
        return _uncopied.Contains(table) && !_interrupted && commit < _slotPoint;
    }

    /// <summary>
    /// Asks for a copy above this commit. Asked for again, it must come above that one, too: the end of an older copy may still be in the
    /// stream.
    /// </summary>
    private void Request(Table table, long above) => _requested[table] = Math.Max(above, _requested.GetValueOrDefault(table));

    /// <summary>What the catalog says now is held against what was recorded with the copy.</summary>
    private void LookAtCatalog()
    {
        foreach (var table in Enum.GetValues<Table>())
            if (_postgres.Catalog[table] is { IsReadable: true } now && now.Oid != _forms[table].Oid && !IsCovered(table, _postgres.Lsn)
                && _broken != Rule.AnotherTableIsCopiedAnew)
                Request(table, _postgres.Lsn);
    }

    // ---- outside the stream's order
    // ----------------------------------------------------------------------------------------------------------

    /// <summary>Lands a dead letter again, then asks the stream for the moment to derive its facts.</summary>
    private IEnumerable<Write> Retry(DeadLetter letter)
    {
        if (letter.TextUnchanged && !_postgres.Catalog[letter.Key.Table].IsReadable)
            yield break;
        var version = _broken == Rule.RetryKeepsItsVersion ? Version(_postgres.ConsistentPoint()) : letter.Version;
        var rows = new List<Landed> { new(letter.Key, version, Complete(letter, [])) };
        if (letter.OldKey is { } old && old != letter.Key)
            rows.Add(new(old, version, null));
        yield return Write.Of(rows) with { EndsWithItsProcess = true };

        if (_broken == Rule.RetryDerivesAtItsMarker)
        {
            foreach (var step in _star.Derive([.. rows.Select(row => row.Key)], version))
                yield return step;
            _clickHouse.Sync();
            _deadLetters.Resolve(letter);
            yield break;
        }

        if (_broken != Rule.MarkerWaitsForDurability)
            _clickHouse.Sync();
        _postgres.Emit(new(letter.Key.Table, Snapshot: 0, Sweep: false, letter));
    }

    /// <summary>Copies one table after the other: first all of them at the slot's point, later those that lost
    /// changes, at a point of their own.</summary>
    private IEnumerable<Write> Copy()
    {
        while (true)
        {
            if (DueForCopy() is not { } table)
            {
                yield return Write.Idle;
                continue;
            }

            if (!_postgres.Catalog[table].IsReadable)
            {
                yield return Write.Pause;
                continue;
            }

            var first = _uncopied.Contains(table) && !_interrupted && !_requested.ContainsKey(table);
            var snapshot = first ? _slotPoint : _postgres.ConsistentPoint();
            var form = first ? _formsOfSlot[table] : _postgres.Catalog[table];
            if (!GoesOn(table, form))
                _begun[table] = (snapshot, form, []);
            else if (_broken == Rule.ContinuedCopyKeepsItsPoint)
                _begun[table] = _begun[table] with { Point = snapshot };
            var point = _begun[table].Point;
            _running[table] = point;
            var isRewritten = false;
            foreach (var range in new[] { 0, 1 }.Except(_begun[table].Ranges).ToList())
            {
                while (!_postgres.Catalog[table].IsReadable)
                    yield return Write.Pause;
                // Under the range's lock: a table that was rewritten or replaced since the snapshot has its rows in other places, and may
                // read as empty.
                var now = _postgres.Catalog[table];
                if ((now.Oid, now.File) != (form.Oid, form.File) && _broken != Rule.RewrittenTableIsCopiedFromTheBeginning)
                {
                    isRewritten = true;
                    break;
                }
                if (_broken != Rule.RangeStaysOpenUntilLanded)
                    _postgres.Locked.Add(table);
                var rows = _postgres.ReadAsOf(snapshot, table).Where(row => PlaceOf(row.Key, row.Value, now) == range).ToArray();
                yield return Write.Pause;
                foreach (var (key, row) in rows.Where(row => row.Value.Unreadable))
                    _deadLetters.Add(new(key, Version(snapshot), row, Operation.Insert));
                yield return Write.Of(rows.Where(row => !row.Value.Unreadable)
                    .Select(row => new Landed(row.Key, Version(snapshot), row.Value))) with
                { EndsWithItsProcess = true };
                _postgres.Locked.Remove(table);
                yield return Write.Pause;
                if (_broken != Rule.ContinuedRangeIsDurable)
                    _clickHouse.Sync();
                _begun[table].Ranges.Add(range);
            }

            if (isRewritten)
            {
                _begun.Remove(table);
                _running.Remove(table);
                Request(table, _postgres.Lsn);
                continue;
            }

            var marker = new Marker(table, point, Sweep: !first) { Form = form };
            if (_broken is Rule.ResyncDerivesAtItsMarker or Rule.VanishedRowsAreSweptAtTheMarker)
                yield return Sweep(marker) with { EndsWithItsProcess = true };
            if (_broken == Rule.ResyncDerivesAtItsMarker)
                foreach (var step in _star.Derive(KeysOf(table), Version(point)))
                    yield return step with { EndsWithItsProcess = true };

            if (_broken != Rule.MarkerWaitsForDurability)
                _clickHouse.Sync();
            _postgres.Emit(marker);
            while (_copied.GetValueOrDefault(table, -1) < point)
                yield return Write.Idle;
        }
    }

    /// <summary>
    /// An interrupted copy may go on: every row that is as it was at its point is where it was, and the stream has brought the others. Not
    /// where it must come above something that was lost or asked for since, nor where rows are in other places.
    /// </summary>
    private bool GoesOn(Table table, Form now) =>
        _begun.TryGetValue(table, out var begun) && !_requested.ContainsKey(table)
            && _postgres.Lost.GetValueOrDefault(table, -1) < begun.Point
        && (now == begun.Form || _broken == Rule.ContinuedCopyHasItsForm);

    /// <summary>The range that has a row: it moves with each change of the row, and with each rewrite.</summary>
    private static int PlaceOf(Key key, Row row, Form form) => (key.Id + row.Value + row.Text + form.File) % 2;

    private Table? DueForCopy() =>
        _uncopied.Concat(_postgres.Lost.Keys).Concat(_requested.Keys).Select(table => (Table?)table).FirstOrDefault();

    private Key[] KeysOf(Table table) => [.. _clickHouse.Landing.Select(row => row.Key).Where(key => key.Table == table)];

    /// <summary>Rows older than the snapshot vanished while changes were lost. What the key of a dead letter has is
    /// its last good row, and stays.</summary>
    private Write Sweep(Marker marker) => Write.Of(_broken == Rule.VanishedRowsGetTombstones || !marker.Sweep ? [] : _clickHouse.Landing
        .Where(row => row.Key.Table == marker.Table && row.Version < Version(marker.Snapshot)
            && !_deadLetters.Has(row.Key, from: Version(marker.Snapshot)))
        .Select(row => new Landed(row.Key, Version(marker.Snapshot), null)));

    /// <summary>The stream delivers a marker: all that was older than it is landed now.</summary>
    private IEnumerable<Write> Finish(Marker marker, UInt128 position)
    {
        if (marker.Retried is { } letter)
        {
            _facts.Forget();
            Func<Key, Landed?>? known = _broken != Rule.RetriedRowIsReadAgain ? null
                : key => key == letter.Key ? new(key, letter.Version, letter.Row) : _clickHouse.Newest(key);
            foreach (var step in _star.Derive(letter.OldKey is { } old ? [letter.Key, old] : [letter.Key], position, known))
                yield return step;
            _clickHouse.Sync();
            _deadLetters.Resolve(letter);
            yield break;
        }

        if (marker.Repaired is { } repaired)
        {
            var rows = new List<Landed>();
            var touched = new HashSet<Key>();
            var row = _postgres.ReadForRepair(marker);
            yield return Write.Pause;
            Land(new(row is null ? Operation.Delete : Operation.Insert, repaired, Record: 0, row), position, rows, touched);
            foreach (var step in _facts.Apply(rows, touched, position))
                yield return step;
            yield break;
        }

        _facts.Forget();
        _deadLetters.ResolveBelow(marker.Table, Version(marker.Snapshot));
        if (_broken != Rule.ResyncDerivesAtItsMarker)
        {
            if (_broken != Rule.VanishedRowsAreSweptAtTheMarker)
                yield return Sweep(marker);
            // Tables that are copied together: what is made of several is derived once, at the last one's marker, and then whole.
            var isFirst = _uncopied.Contains(marker.Table);
            Key[] keys = isFirst && _uncopied.Count > 1 ? []
                : isFirst && _broken != Rule.LastCopyDerivesForItsSiblings ? [.. _clickHouse.Landing.Select(row => row.Key)]
                : KeysOf(marker.Table);
            foreach (var step in _star.Derive(keys, position))
                yield return step;
        }

        _clickHouse.Sync();
        if (marker.Snapshot >= _copied.GetValueOrDefault(marker.Table))
            _forms[marker.Table] = marker.Form;
        _copied[marker.Table] = Math.Max(marker.Snapshot, _copied.GetValueOrDefault(marker.Table));
        if (_running.GetValueOrDefault(marker.Table) == marker.Snapshot)
            _running.Remove(marker.Table);
        // Where a later copy has begun, the stream may have relied on that one: the end of an older one leaves the table due.
        if (_begun.TryGetValue(marker.Table, out var begun) && begun.Point > marker.Snapshot
            && _broken != Rule.OlderCopyEndsNothing)
            yield break;
        if (begun.Point == marker.Snapshot)
            _begun.Remove(marker.Table);
        _uncopied.Remove(marker.Table);
        if (_requested.GetValueOrDefault(marker.Table, long.MaxValue) < marker.Snapshot)
            _requested.Remove(marker.Table);
        if (_postgres.Lost.GetValueOrDefault(marker.Table, long.MaxValue) < marker.Snapshot)
            _postgres.Lost.Remove(marker.Table);
    }
}
