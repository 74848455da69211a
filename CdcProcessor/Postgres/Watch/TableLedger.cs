using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.Postgres.Watch;

/// <summary>
/// What is known of each table's copies in this run: its form as of the newest one, the greatest point that one has, and whether another is
/// asked for. The stream, the copies and the watch look at it.
/// </summary>
internal sealed class TableLedger(StarModel model)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, State> _tables = model.Tables.ToDictionary(table => table.Source, _ => new State());
    private readonly Dictionary<Relation, bool> _fits = [];
    private readonly Dictionary<uint, TableMapping> _byIdentity = [];
    private readonly Dictionary<uint, TableMapping> _partitions = [];

    /// <summary>
    /// Takes what the sink has recorded. Returns what is to be recorded: the form now for copies that a version made which kept none, and
    /// that copies can begin which something stood in the way of.
    /// </summary>
    public IReadOnlyList<TableCopy> Open(Progress progress, IReadOnlyDictionary<string, TableForm> now)
    {
        lock (_lock)
        {
            var adopted = new List<TableCopy>();
            foreach (var table in model.Tables)
            {
                // The source asks for it by itself, as for any copy that is unfinished.
                if (progress.Copies.Any(copy => copy.Table == table.Source && copy.State == CopyState.Withheld))
                    adopted.Add(new TableCopy(table.Source, CopyState.Copying, 0, table.Fingerprint));
                var copy = progress.Copies.FirstOrDefault(copy => copy.Table == table.Source);
                if (copy is { State: CopyState.Copying, Form.Length: > 0 } && copy.IsOf(table) && !table.AppendOnly)
                    _tables[table.Source].Begun = copy;
                if (copy is not { State: CopyState.Done } || !copy.IsOf(table))
                    continue;

                if (copy.Form.Length == 0 && now.TryGetValue(table.Source, out var form))
                    adopted.Add(copy = copy with { Form = form.Write() });
                var state = _tables[table.Source];
                (state.Point, state.Copy) = (copy.Point, copy);
                if (copy.Form.Length > 0)
                    SetForm(table, TableForm.Read(copy.Form));
            }
            return adopted;
        }
    }

    /// <summary>Copies of these tables begin. Until they are recorded nothing may rely on them (<see cref="Cover"/>).</summary>
    public void Begin(IReadOnlyList<TableMapping> tables)
    {
        lock (_lock)
        {
            foreach (var table in tables)
                (_tables[table.Source].Copy, _tables[table.Source].IsAsked) = (null, false);
            _fits.Clear();
        }
    }

    /// <summary>
    /// The copy at this point is recorded, and comes whatever happens: what of earlier commits cannot be applied, it makes good. Before
    /// that, the replayed end of an older copy would leave the table as copied, and a crash would take this one.
    /// </summary>
    public void Cover(TableMapping table, ulong point)
    {
        lock (_lock)
            _tables[table.Source].Point = Math.Max(point, _tables[table.Source].Point);
    }

    /// <summary>
    /// The copy that a crash has interrupted, if it may go on with the ranges that are left: each row that is as it was at its point is
    /// where it was, and the stream brings the others.
    /// Null where the table is not what it was then, and is copied from the beginning.
    /// </summary>
    public TableCopy? GoOn(TableMapping table, TableForm now)
    {
        lock (_lock)
        {
            var state = _tables[table.Source];
            var begun = state.Begun is { } copy && copy.Form == now.Write() ? copy : null;
            state.Begun = null;
            return begun;
        }
    }

    /// <summary>Another copy is wanted than the one that was interrupted.</summary>
    public void ForgetBegun(TableMapping table)
    {
        lock (_lock)
            _tables[table.Source].Begun = null;
    }

    /// <summary>What a table is as of the snapshot that it is copied with.</summary>
    public void Describe(TableMapping table, TableForm form)
    {
        lock (_lock)
            SetForm(table, form);
    }

    /// <summary>
    /// The copy at this point has come to its end in the stream. False if there is no recorded copy of such a point, or of a later one.
    /// </summary>
    public bool End(TableMapping table, ulong point)
    {
        lock (_lock)
        {
            var state = _tables[table.Source];
            if (state.Point != point || state.Form is null)
                return point <= state.Point;
            state.Copy = new TableCopy(table.Source, CopyState.Done, point, table.Fingerprint, state.Form.Write());
            if (!state.IsAsked)
                state.Reason = null;
            return true;
        }
    }

    /// <summary>A copy is asked for, and why.</summary>
    public void Ask(TableMapping table, string reason)
    {
        lock (_lock)
            (_tables[table.Source].IsAsked, _tables[table.Source].Reason, _tables[table.Source].Begun) = (true, reason, null);
    }

    /// <summary>Puts a copy into the queue; false if it stands there already.</summary>
    public bool TryQueue(TableMapping table)
    {
        lock (_lock)
        {
            var state = _tables[table.Source];
            return !state.IsQueued && (state.IsQueued = true);
        }
    }

    /// <summary>These are taken off the queue.</summary>
    public void Dequeue(IReadOnlyList<TableMapping> tables)
    {
        lock (_lock)
        {
            foreach (var table in tables)
                _tables[table.Source].IsQueued = false;
        }
    }

    /// <summary>A copy has a point above this commit: whatever its changes bring, the copy decides.</summary>
    public bool IsCovered(TableMapping table, ulong commit)
    {
        lock (_lock)
            return commit < _tables[table.Source].Point;
    }

    /// <summary>A copy is asked for and has not begun.</summary>
    public bool IsAsked(TableMapping table)
    {
        lock (_lock)
            return _tables[table.Source].IsAsked;
    }

    /// <summary>Why a table is being copied by itself; null where it is not.</summary>
    public string? ReasonOf(TableMapping table)
    {
        lock (_lock)
            return _tables[table.Source].Reason;
    }

    /// <summary>The form as of the newest copy; null before the first.</summary>
    public TableForm? FormOf(TableMapping table)
    {
        lock (_lock)
            return _tables[table.Source].Form;
    }

    /// <summary>
    /// The form is otherwise, and no row is: returns what is to be recorded, null while a copy is under way, which brings its own.
    /// </summary>
    public TableCopy? Amend(TableMapping table, Func<TableForm, TableForm> change)
    {
        lock (_lock)
        {
            var state = _tables[table.Source];
            if (state.Form is null)
                return null;
            SetForm(table, change(state.Form));
            return state.Copy is null || state.IsAsked ? null : state.Copy = state.Copy with { Form = state.Form.Write() };
        }
    }

    /// <summary>Whose table has this identity, whatever it is called now; null if it is none of the model's.</summary>
    public TableMapping? ByIdentity(uint oid)
    {
        lock (_lock)
            return _byIdentity.GetValueOrDefault(oid) ?? _partitions.GetValueOrDefault(oid);
    }

    /// <summary>It is a partition of a table of the model.</summary>
    public bool IsPartition(uint oid)
    {
        lock (_lock)
            return _partitions.ContainsKey(oid);
    }

    /// <summary>The changes of a relation are those of the table that was copied, with all its columns.</summary>
    public bool Fits(Relation relation)
    {
        lock (_lock)
        {
            if (_fits.TryGetValue(relation, out var fits))
                return fits;
            return _fits[relation] = IsFitting(relation);
        }
    }

    /// <summary>A relation has been looked at: its types bring the same values.</summary>
    public void Admit(Relation relation)
    {
        lock (_lock)
            _fits[relation] = true;
    }

    private bool IsFitting(Relation relation)
    {
        // A marker's relation has no identity, and nothing to hold against one.
        if (relation.Oid == 0)
            return true;
        if (relation.Positions.Any(position => position < 0) || _tables[relation.Table.Source].Form is not { } form)
            return !relation.Positions.Any(position => position < 0);
        if (relation.Oid != form.Oid && !form.Partitions.Any(partition => partition.Oid == relation.Oid))
            return false;
        return relation.Table.Columns.Select((column, i) => (Copied: form.Column(column.Source),
            Sent: relation.Columns[relation.Positions[i]]))
            .All(pair => pair.Copied is { } copied && (copied.Type, copied.Modifier) == (pair.Sent.TypeOid, pair.Sent.Modifier));
    }

    private void SetForm(TableMapping table, TableForm form)
    {
        _tables[table.Source].Form = form;
        _fits.Clear();
        foreach (var oid in _byIdentity.Where(known => known.Value == table).Select(known => known.Key).ToList())
            _byIdentity.Remove(oid);
        _byIdentity[form.Oid] = table;
        foreach (var partition in form.Partitions)
            _partitions[partition.Oid] = table;
    }

    private sealed class State
    {
        public TableForm? Form { get; set; }

        /// <summary>The greatest point of a recorded copy.</summary>
        public ulong Point { get; set; }

        /// <summary>What is recorded; null while a copy is under way.</summary>
        public TableCopy? Copy { get; set; }

        /// <summary>A copy that was interrupted, and may go on.</summary>
        public TableCopy? Begun { get; set; }

        public bool IsAsked { get; set; }

        public bool IsQueued { get; set; }

        public string? Reason { get; set; }
    }
}
