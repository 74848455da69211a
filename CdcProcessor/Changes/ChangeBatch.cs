using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace AspireCdc.CdcProcessor.Changes;

/// <summary>
/// An ordered run of changes and the bytes of their values, in one arena: a change costs no allocation of its own. One writer fills it,
/// then one reader has it; whoever takes it off a source disposes of it, which gives the memory back.
/// </summary>
internal sealed class ChangeBatch : IDisposable
{
    /// <summary>A batch of thousands of messages has as many traces at worst; telemetry keeps some 128 links at most.</summary>
    private const int MaxTraces = 32;

    private byte[] _arena;
    private Value[] _values;
    private Change[] _changes;
    private int _arenaUsed;
    private int _valuesUsed;
    private int _changesUsed;
    private List<SourcePosition>? _ends;
    private List<DeadLetter>? _deadLetters;
    private List<TracedCommit>? _traces;
    private List<TableCopy>? _copies;
    private IReadOnlyCollection<string> _retries = [];
    private Action? _written;

    /// <param name="expected">About what it will hold; it grows beyond that as it must.</param>
    public ChangeBatch(BatchSize expected = default)
    {
        _arena = BatchPool<byte>.Arrays.Rent(Math.Clamp(expected.Bytes, 16 * 1024, BatchPool<byte>.LargestArray));
        _values = BatchPool<Value>.Arrays.Rent(Math.Max(expected.Values, 512));
        _changes = BatchPool<Change>.Arrays.Rent(Math.Max(expected.Changes, 64));
    }

    public int Count => _changesUsed;

    /// <summary>About what the next one will hold: as much, in a flood. After a large row it would be room that nobody needs.</summary>
    public BatchSize Next => LargeRowMemory.IsIn(this) ? default : new(_arenaUsed, _valuesUsed, _changesUsed);

    public ReadOnlySpan<Change> Changes => _changes.AsSpan(0, _changesUsed);

    /// <summary>Bytes of memory in use.</summary>
    public long Size =>
        _arenaUsed + ((long)_valuesUsed * Unsafe.SizeOf<Value>()) + ((long)_changesUsed * Unsafe.SizeOf<Change>());

    /// <summary>Nothing to write and nothing to acknowledge.</summary>
    public bool IsEmpty => _changesUsed == 0 && _ends is null && _deadLetters is null;

    /// <summary>
    /// Once this batch is written, all that the source sent before these positions is: the end LSN of the last whole commit (or a keepalive
    /// behind it), or the next offset of each partition. Empty where the batch ends inside its first transaction.
    /// </summary>
    public IReadOnlyList<SourcePosition> Ends => _ends ?? (IReadOnlyList<SourcePosition>)[];

    /// <summary>What the source could not read, to be stored by the sink in the place of changes.</summary>
    public IReadOnlyList<DeadLetter> DeadLetters => _deadLetters ?? (IReadOnlyList<DeadLetter>)[];

    /// <summary>The traces that the changes come from, the first few of them.</summary>
    public IReadOnlyList<TracedCommit> Traces => _traces ?? (IReadOnlyList<TracedCommit>)[];

    /// <summary>Dead letters, by id, that are to be applied again after this batch and before the next.</summary>
    public IReadOnlyCollection<string> Retries => _retries;

    /// <summary>
    /// What is to be recorded of tables' copies before anything of this batch is written: one that is requested is then made.
    /// </summary>
    public IReadOnlyList<TableCopy> Copies => _copies ?? (IReadOnlyList<TableCopy>)[];

    /// <summary>Makes room for a row of <paramref name="columns"/> values, all
    /// <see cref="ValueKind.Unchanged"/> until they are set.</summary>
    public RowRef AddRow(int columns)
    {
        Reserve(ref _values, _valuesUsed, columns);
        var row = new RowRef(_valuesUsed, columns);
        _values.AsSpan(_valuesUsed, columns).Fill(Value.Unchanged);
        _valuesUsed += columns;
        return row;
    }

    public void SetNull(RowRef row, int column) => _values[row.First + column] = Value.Null;

    public void SetText(RowRef row, int column, ReadOnlySpan<byte> utf8) => utf8.CopyTo(SetText(row, column, utf8.Length));

    /// <summary>The same for a value that is yet to be copied; the span is good until the next call.</summary>
    public Span<byte> SetText(RowRef row, int column, int length) => Claim(row, column, length).Span;

    /// <summary>The same for one that comes piece by piece.</summary>
    public async ValueTask SetTextAsync(RowRef row, int column, Stream utf8, CancellationToken cancellationToken)
    {
        await utf8.ReadExactlyAsync(Claim(row, column, (int)utf8.Length), cancellationToken);
    }

    /// <summary>The value of another row, which both have from now on.</summary>
    public void SetFrom(RowRef row, int column, RowRef other, int otherColumn) =>
        _values[row.First + column] = _values[other.First + otherColumn];

    /// <summary>Fills what is unchanged in a row from the row before it. False if something stays open.</summary>
    public bool TakeOver(RowRef old, RowRef row)
    {
        var complete = true;
        for (var i = 0; i < row.Count; i++)
        {
            ref var value = ref _values[row.First + i];
            if (value.Kind == ValueKind.Unchanged)
                value = _values[old.First + i];
            complete &= value.Kind != ValueKind.Unchanged;
        }
        return complete;
    }

    public void Add(in Change change)
    {
        Reserve(ref _changes, _changesUsed, 1);
        _changes[_changesUsed++] = change;
    }

    /// <summary>Puts another change in the place of one.</summary>
    public void Replace(int index, in Change change) => _changes[index] = change;

    /// <summary>Puts a change between others.</summary>
    public void Insert(int index, in Change change)
    {
        var inserted = change;
        Reserve(ref _changes, _changesUsed, 1);
        _changes.AsSpan(index, _changesUsed - index).CopyTo(_changes.AsSpan(index + 1));
        _changes[index] = inserted;
        _changesUsed++;
    }

    /// <summary>Takes the last change out again.</summary>
    public void RemoveLast() => _changesUsed--;

    /// <summary>Leaves only what comes before a change; where the source goes on is not said then.</summary>
    public void CutAt(int index)
    {
        _changes.AsSpan(index, _changesUsed - index).Clear();
        _changesUsed = index;
        _ends = null;
    }

    /// <summary>Takes changes out.</summary>
    public void Remove(IReadOnlySet<int> indexes)
    {
        var kept = 0;
        for (var i = 0; i < _changesUsed; i++)
        {
            if (!indexes.Contains(i))
                _changes[kept++] = _changes[i];
        }
        _changes.AsSpan(kept, _changesUsed - kept).Clear();
        _changesUsed = kept;
    }

    /// <summary>Has the state of a table's copy recorded with this batch.</summary>
    public void Record(TableCopy copy) => (_copies ??= []).Add(copy);

    public void Add(DeadLetter deadLetter) => (_deadLetters ??= []).Add(deadLetter);

    /// <summary>Asks for dead letters to be applied again; a batch ends with that.</summary>
    public void Retry(IReadOnlyCollection<string> ids) => _retries = ids;

    /// <summary>Says that a commit's changes come from this trace.</summary>
    /// <param name="trace">The trace, where it comes from.</param>
    /// <param name="lsn">The commit's LSN.</param>
    /// <param name="time">When it was committed, in microseconds since 1970; 0 where nobody knows.</param>
    public void LinkTo(ActivityContext trace, ulong lsn, long time)
    {
        _traces ??= [];
        if (_traces.Find(known => known.Origin == trace) is { } commit)
            commit.Widen(lsn);
        else if (_traces.Count < MaxTraces)
            _traces.Add(new TracedCommit(trace, lsn, time));
    }

    /// <summary>The trace that a commit's changes come from, or null.</summary>
    public TracedCommit? TraceOf(ulong lsn) => _traces?.Find(commit => commit.Includes(lsn));

    /// <summary>States (or moves) the position of one partition.</summary>
    public void EndAt(SourcePosition position)
    {
        _ends ??= [];
        var known = _ends.FindIndex(end => end.Partition == position.Partition);
        if (known < 0)
            _ends.Add(position);
        else
            _ends[known] = position with { CommitLsn = Math.Max(position.CommitLsn, _ends[known].CommitLsn) };
    }

    public ValueKind Kind(RowRef row, int column) => _values[row.First + column].Kind;

    /// <summary>The bytes of a value; empty for those that are no text.</summary>
    public ReadOnlySpan<byte> Text(RowRef row, int column)
    {
        var value = _values[row.First + column];
        return value.Length > 0 ? _arena.AsSpan(value.Offset, value.Length) : default;
    }

    /// <summary>Calls back once the sink has the batch: a copy keeps its range's transaction open until then.</summary>
    public void WhenWritten(Action callback) => _written += callback;

    /// <summary>The loop says that the sink has the batch.</summary>
    public void Written() => _written?.Invoke();

    public void Dispose()
    {
        // References to relations end here; values need no clearing.
        _changes.AsSpan(0, _changesUsed).Clear();
        Return(ref _arena);
        Return(ref _values);
        Return(ref _changes);
        _arenaUsed = _valuesUsed = _changesUsed = 0;
    }

    /// <summary>Where the value's bytes go.</summary>
    private Memory<byte> Claim(RowRef row, int column, int length)
    {
        Reserve(ref _arena, _arenaUsed, length);
        _values[row.First + column] = new Value(_arenaUsed, length);
        var place = _arena.AsMemory(_arenaUsed, length);
        _arenaUsed += length;
        return place;
    }

    private static void Reserve<T>(ref T[] array, int used, int more)
    {
        if (array.Length - used >= more)
            return;

        var wanted = (long)used + more;
        if (wanted > Array.MaxLength)
            throw new InvalidOperationException($"A batch of changes would take {wanted} bytes, and no array holds more than 2 GB.");
        var larger = BatchPool<T>.Arrays.Rent((int)Math.Min(Math.Max(array.Length * 2L, wanted), Array.MaxLength));
        array.AsSpan(0, used).CopyTo(larger);
        Return(ref array);
        array = larger;
    }

    private static void Return<T>(ref T[] array)
    {
        if (array.Length > 0)
            BatchPool<T>.Arrays.Return(array);
        array = [];
    }

    private readonly record struct Value(int Offset, int Length)
    {
        public static Value Unchanged => new(0, -2);

        public static Value Null => new(0, -1);

        public ValueKind Kind => Length switch { -2 => ValueKind.Unchanged, -1 => ValueKind.Null, _ => ValueKind.Text };
    }
}

/// <summary>How far a source was read: PostgreSQL's end LSN (partition -1), or a Kafka partition's next offset.</summary>
/// <param name="Partition">Kafka's partition; -1 from PostgreSQL.</param>
/// <param name="Position">Where to go on.</param>
/// <param name="CommitLsn">From Kafka: what the connector has last announced in this partition, the end LSN of commits whose changes all
/// come before it; otherwise 0.</param>
internal readonly record struct SourcePosition(int Partition, ulong Position, ulong CommitLsn = 0);

/// <summary>How much a batch holds.</summary>
/// <param name="Bytes">Bytes of values.</param>
/// <param name="Values">Values, NULL and unchanged ones included.</param>
/// <param name="Changes">Changes.</param>
internal readonly record struct BatchSize(int Bytes, int Values, int Changes);
