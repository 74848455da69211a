using System.Buffers;

namespace AspireCdc.CdcProcessor.Changes;

/// <summary>
/// An ordered run of changes and the bytes of their values, in one arena: a change costs no allocation of its own. One writer fills it, then one reader
/// has it; whoever takes it off a source disposes of it, which gives the memory back.
/// </summary>
internal sealed class ChangeBatch : IDisposable
{
    private byte[] arena = ArrayPool<byte>.Shared.Rent(16 * 1024);
    private Value[] values = ArrayPool<Value>.Shared.Rent(512);
    private Change[] changes = ArrayPool<Change>.Shared.Rent(64);
    private int arenaUsed;
    private int valuesUsed;
    private int changesUsed;
    private List<SourcePosition>? ends;
    private List<DeadLetter>? deadLetters;
    private Action? written;

    public int Count => changesUsed;

    public ReadOnlySpan<Change> Changes => changes.AsSpan(0, changesUsed);

    /// <summary>Bytes of memory in use.</summary>
    public long Size => arenaUsed + ((long)valuesUsed * 8) + ((long)changesUsed * 112);

    /// <summary>Nothing to write and nothing to acknowledge.</summary>
    public bool IsEmpty => changesUsed == 0 && ends is null && deadLetters is null;

    /// <summary>
    /// Once this batch is written, all that the source sent before these positions is: the end LSN of the last whole commit (or a keepalive behind it),
    /// or the next offset of each partition. Empty where the batch ends inside its first transaction.
    /// </summary>
    public IReadOnlyList<SourcePosition> Ends => ends ?? (IReadOnlyList<SourcePosition>)[];

    /// <summary>What the source could not read, to be stored by the sink in the place of changes.</summary>
    public IReadOnlyList<DeadLetter> DeadLetters => deadLetters ?? (IReadOnlyList<DeadLetter>)[];

    /// <summary>Makes room for a row of <paramref name="columns"/> values, all <see cref="ValueKind.Unchanged"/> until they are set.</summary>
    public RowRef AddRow(int columns)
    {
        Reserve(ref values, valuesUsed, columns);
        var row = new RowRef(valuesUsed, columns);
        values.AsSpan(valuesUsed, columns).Fill(Value.Unchanged);
        valuesUsed += columns;
        return row;
    }

    public void SetNull(RowRef row, int column) => values[row.First + column] = Value.Null;

    public void SetText(RowRef row, int column, ReadOnlySpan<byte> utf8) => utf8.CopyTo(SetText(row, column, utf8.Length));

    /// <summary>The same for a value that is yet to be copied; the span is good until the next call.</summary>
    public Span<byte> SetText(RowRef row, int column, int length)
    {
        Reserve(ref arena, arenaUsed, length);
        values[row.First + column] = new Value(arenaUsed, length);
        var place = arena.AsSpan(arenaUsed, length);
        arenaUsed += length;
        return place;
    }

    public void Add(in Change change)
    {
        Reserve(ref changes, changesUsed, 1);
        changes[changesUsed++] = change;
    }

    public void Add(DeadLetter deadLetter) => (deadLetters ??= []).Add(deadLetter);

    /// <summary>States (or moves) the position of one partition.</summary>
    public void EndAt(SourcePosition position)
    {
        ends ??= [];
        var known = ends.FindIndex(end => end.Partition == position.Partition);
        if (known < 0)
            ends.Add(position);
        else
            ends[known] = position;
    }

    public ValueKind Kind(RowRef row, int column) => values[row.First + column].Kind;

    /// <summary>The bytes of a value; empty for those that are no text.</summary>
    public ReadOnlySpan<byte> Text(RowRef row, int column)
    {
        var value = values[row.First + column];
        return value.Length > 0 ? arena.AsSpan(value.Offset, value.Length) : default;
    }

    /// <summary>Calls back once the sink has the batch: a copy keeps its range's transaction open until then.</summary>
    public void WhenWritten(Action callback) => written += callback;

    /// <summary>The loop says that the sink has the batch.</summary>
    public void Written() => written?.Invoke();

    public void Dispose()
    {
        Return(ref arena);
        Return(ref values);
        Return(ref changes, clear: true);
        arenaUsed = valuesUsed = changesUsed = 0;
    }

    private static void Reserve<T>(ref T[] array, int used, int more)
    {
        if (array.Length - used >= more)
            return;

        var larger = ArrayPool<T>.Shared.Rent(Math.Max(array.Length * 2, used + more));
        array.AsSpan(0, used).CopyTo(larger);
        Return(ref array);
        array = larger;
    }

    private static void Return<T>(ref T[] array, bool clear = false)
    {
        if (array.Length > 0)
            ArrayPool<T>.Shared.Return(array, clear);
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
internal readonly record struct SourcePosition(int Partition, ulong Position);
