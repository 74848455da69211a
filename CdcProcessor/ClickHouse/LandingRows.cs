using System.Buffers;
using System.Text;
using System.Text.Json;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// A batch as landing rows: RowBinary by table, the keys that change, and what cannot be written. Used for one batch after the other.
/// </summary>
internal sealed class LandingRows : IDisposable
{
    /// <summary>See <see cref="RowBinary.Header"/>.</summary>
    public const string Format = "RowBinaryWithNamesAndTypes";

    /// <summary>What may stand in a statement, beside being landed.</summary>
    private const int FewBytes = 16 * 1024;

    private readonly Dictionary<string, RowBuffer> _rows = [];
    private readonly Dictionary<string, IReadOnlyList<ColumnType>> _types = [];
    private readonly Dictionary<string, KeySet> _keys = [];
    private readonly List<DeadLetter> _deadLetters = [];
    private readonly KeyComparison _keyComparison = new();
    private ChangeBatch? _batch;

    /// <summary>Where the changes are messages, their topic: dead letters name it.</summary>
    public string? Topic { get; set; }

    /// <summary>The years that the server holds; to be said before the first batch.</summary>
    public DateRange Range { get; set; } = DateRange.Widest;

    /// <summary>By source table; those without rows are empty.</summary>
    public IReadOnlyDictionary<string, RowBuffer> Rows => _rows;

    /// <summary>By source table, for all rows that must be derived.</summary>
    public IReadOnlyDictionary<string, KeySet> Keys => _keys;

    public IReadOnlyList<DeadLetter> DeadLetters => _deadLetters;

    /// <summary>
    /// The versions of its rows, where all changes are of single rows of the stream and can be written: then the batch has the newest row
    /// of each key that it names. Null where something else is in it, or a dead letter; where it has no rows, the last comes before the
    /// first.
    /// </summary>
    public VersionRange? Versions { get; private set; }

    /// <summary>
    /// Facts may be derived before it has landed: it has the newest rows of its keys, and they are few, since in a flood ClickHouse reads a
    /// row again for less than it takes it twice.
    /// </summary>
    public bool MayBeFollowed => Versions is not null && _rows.Values.Sum(rows => rows.Rows) <= KeySet.Few
        && _rows.Values.Sum(rows => rows.WrittenRows.Length) <= FewBytes;

    /// <summary>The rows of a batch that <see cref="MayBeFollowed"/>, as they land.</summary>
    public IEnumerable<BroughtRow> Brought()
    {
        for (var i = 0; i < _batch!.Count; i++)
        {
            var change = _batch.Changes[i];
            if (change.Operation == ChangeOperation.Delete || LeavesItsKey(_batch, change))
                yield return new BroughtRow(change.Relation, change.Old, IsDeleted: true, change.Lsn);
            if (change.Operation != ChangeOperation.Delete)
                yield return new BroughtRow(change.Relation, change.New, IsDeleted: false, change.Lsn);
        }
    }

    /// <summary>The key of a row that the batch has brought, as <see cref="KeyText"/> writes it.</summary>
    public string KeyOf(BroughtRow row) => KeyText.Join(KeyText.Of(_batch!, row.Relation, row.Row));

    /// <summary>The text of a mapped column's value; null if it is NULL, or the source has no such column.</summary>
    public byte[]? TextOf(BroughtRow row, int column) =>
        row.Relation.Positions[column] is >= 0 and var position && _batch!.Kind(row.Row, position) == ValueKind.Text
            ? _batch.Text(row.Row, position).ToArray()
            : null;

    /// <summary>Appends a mapped column of a row that the batch has brought, as it lands.</summary>
    public void Write(BroughtRow row, int column, IBufferWriter<byte> output)
    {
        var type = TypesOf(row.Relation.Table)[column];
        if (TryWriteColumn(_batch!, row.Relation, row.Row, column, type, output, keyOnly: row.IsDeleted) is { } reason)
            throw new InvalidOperationException(reason); // it would be a dead letter, and the batch not followed
    }

    public KeySet KeysOf(TableMapping table)
    {
        if (!_keys.TryGetValue(table.Source, out var keys))
            _keys.Add(table.Source, keys = new KeySet(table));
        return keys;
    }

    /// <summary>Takes a batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="deriveCopies">Rows of a copy are derived as they land: there is no marker to come.</param>
    public void Fill(ChangeBatch batch, bool deriveCopies)
    {
        Clear();
        _batch = batch;
        _deadLetters.AddRange(batch.DeadLetters);
        var isRowByRow = true;
        var (first, last) = (UInt128.MaxValue, UInt128.MinValue);
        foreach (ref readonly var change in batch.Changes)
        {
            isRowByRow &= change.Operation is ChangeOperation.Insert or ChangeOperation.Update or ChangeOperation.Delete;
            (first, last) = (UInt128.Min(first, change.Version), UInt128.Max(last, change.Version));
            switch (change.Operation)
            {
                case ChangeOperation.Insert:
                    Write(batch, change, derive: true);
                    break;
                case ChangeOperation.Update:
                    // The old key's row goes even if the new one cannot be written.
                    if (LeavesItsKey(batch, change))
                        Delete(batch, change);
                    Write(batch, change, derive: true);
                    break;
                case ChangeOperation.Delete:
                    Delete(batch, change);
                    break;
                case ChangeOperation.Read:
                    Write(batch, change, deriveCopies);
                    break;
            }
        }
        Versions = isRowByRow && _deadLetters.Count == 0 ? new VersionRange(first, last) : null;
    }

    public void Dispose()
    {
        foreach (var rows in _rows.Values)
            rows.Dispose();
        foreach (var keys in _keys.Values)
            keys.Dispose();
    }

    /// <summary>Forgets the batch, and gives back what is large of it.</summary>
    public void Clear()
    {
        _batch = null;
        foreach (var rows in _rows.Values)
            rows.Clear();
        foreach (var keys in _keys.Values)
            keys.Clear();
        _deadLetters.Clear();
    }

    private RowBuffer RowsOf(TableMapping table)
    {
        if (!_rows.TryGetValue(table.Source, out var rows))
        {
            var columns = table.Columns.Select(column => (column.Landing, column.Type.Name));
            rows = new RowBuffer(RowBinary.Header([.. columns, .. SystemColumns.Landing.Zip(SystemColumns.LandingTypes)]));
            _rows.Add(table.Source, rows);
        }
        return rows;
    }

    private IReadOnlyList<ColumnType> TypesOf(TableMapping table)
    {
        if (!_types.TryGetValue(table.Source, out var types))
            _types.Add(table.Source, types = [.. table.Columns.Select(column => column.Type.Within(Range))]);
        return types;
    }

    private void Write(ChangeBatch batch, in Change change, bool derive)
    {
        var rows = RowsOf(change.Relation.Table);
        var start = rows.Length;
        if (TryWriteColumns(batch, change.Relation, change.New, rows, keyOnly: false) is { } reason)
        {
            rows.TruncateTo(start);
            _deadLetters.Add(DeadLetterOf(batch, change, change.New, reason));
            return;
        }

        End(rows, change, isDeleted: 0);
        if (derive && !change.Relation.Table.AppendOnly)
            KeysOf(change.Relation.Table).Add(batch, change.Relation, change.New);
    }

    private void Delete(ChangeBatch batch, in Change change)
    {
        var rows = RowsOf(change.Relation.Table);
        var start = rows.Length;
        if (TryWriteColumns(batch, change.Relation, change.Old, rows, keyOnly: true) is { } reason)
        {
            rows.TruncateTo(start);
            _deadLetters.Add(DeadLetterOf(batch, change, change.Old, reason));
            return;
        }

        End(rows, change, isDeleted: 1);
        KeysOf(change.Relation.Table).Add(batch, change.Relation, change.Old);
    }

    /// <summary>Appends the mapped columns; says why if that is impossible.</summary>
    public string? TryWriteColumns(ChangeBatch batch, Relation relation, RowRef row, RowBuffer rows, bool keyOnly)
    {
        var types = TypesOf(relation.Table);
        for (var i = 0; i < types.Count; i++)
        {
            if (TryWriteColumn(batch, relation, row, i, types[i], rows, keyOnly) is { } reason)
                return reason;
        }
        return null;
    }

    private static string? TryWriteColumn(
        ChangeBatch batch, Relation relation, RowRef row, int index, ColumnType type, IBufferWriter<byte> output, bool keyOnly)
    {
        var column = relation.Table.Columns[index];
        var position = relation.Positions[index];
        if (keyOnly && !column.IsKey)
        {
            column.Type.WriteDefault(output);
            return null;
        }
        if (position < 0)
        {
            if (column.IsKey)
                return $"The key column '{column.Source}' is missing.";
            column.Type.WriteDefault(output);
            return null;
        }

        switch (batch.Kind(row, position))
        {
            case ValueKind.Unchanged:
                return $"Column '{column.Source}' is absent from the change, and there is no row to take it from.";
            case ValueKind.Null when column.Type.TakesNull || column.Type.NullIsDefault:
                column.Type.WriteNull(output);
                return null;
            case ValueKind.Null:
                return $"Column '{column.Source}' is NULL, and {relation.Table.Landing}.{column.Landing} ({column.Type}) takes none.";
            default:
                return type.TryWrite(batch.Text(row, position), output) ? null
                    : $"Column '{column.Source}' is {Shown(batch.Text(row, position))}, which " +
                        $"{relation.Table.Landing}.{column.Landing} ({column.Type}) cannot hold exactly.";
        }
    }

    private bool LeavesItsKey(ChangeBatch batch, in Change change) => change.Operation == ChangeOperation.Update && change.Old.Exists
        && _keyComparison.Differ(batch, change.Relation, change.Old, change.New);

    private static void End(RowBuffer rows, in Change change, byte isDeleted)
    {
        RowBinary.WriteUInt8(rows, isDeleted);
        RowBinary.WriteInt32(rows, change.Partition);
        RowBinary.WriteUInt64(rows, change.Lsn);
        RowBinary.WriteUInt128(rows, change.Version);
        rows.Rows++;
    }

    private DeadLetter DeadLetterOf(ChangeBatch batch, in Change change, RowRef row, string reason)
    {
        var message = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(message))
            ChangeMessageWriter.Write(json, batch, change);
        if (Topic is not null && change.Partition >= 0)
            // versions count from 1
            reason += $" It is the message at offset {change.Version - 1} of partition {change.Partition} of {Topic}.";
        return new DeadLetter(
            change.Relation.Table.Source, KeyText.Join(KeyText.Of(batch, change.Relation, row)), change.Operation.Name(),
            Encoding.UTF8.GetString(message.WrittenSpan), reason,
            change.Version, change.Lsn, change.Partition);
    }

    private static string Shown(ReadOnlySpan<byte> text) =>
        text.Length <= 60 ? $"'{Encoding.UTF8.GetString(text)}'" : $"'{Encoding.UTF8.GetString(text[..60])}…' ({text.Length} bytes)";
}

/// <summary>A row that a batch has brought.</summary>
/// <param name="Relation">Its table.</param>
/// <param name="Row">Its values; those of the key where it is deleted.</param>
/// <param name="IsDeleted">It is not there any more.</param>
/// <param name="Lsn">The LSN of the change.</param>
internal readonly record struct BroughtRow(Relation Relation, RowRef Row, bool IsDeleted, ulong Lsn);

/// <summary>Versions of landing rows, both ends included.</summary>
internal readonly record struct VersionRange(UInt128 First, UInt128 Last);
