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
    /// <summary>
    /// Names and types go before the rows, so that ClickHouse refuses them where a column has another type by now, and does not take
    /// 29.99 for 0.2999.
    /// </summary>
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
    /// Facts may be derived while it lands: all changes are of single rows of the stream and can be written, so that the batch knows the
    /// newest row of each key that it has; and they are few, since in a flood ClickHouse reads a row again for less than it takes it twice.
    /// </summary>
    public bool MayBeFollowed { get; private set; }

    /// <summary>
    /// The set of keys, as it stands after IN, to which columns of a table's rows point, deleted rows not counted. Empty where there is
    /// none; null where that is not known.
    /// </summary>
    /// <param name="table">The table.</param>
    /// <param name="columns">Its columns, as its landing table names them, in the order of the other's key.</param>
    /// <param name="to">The table that they point to.</param>
    public string? Pointed(TableMapping table, IReadOnlyList<string> columns, TableMapping to)
    {
        if (_batch is null)
            return null;

        var places = columns.Select(name => table.Columns.Index().First(column => column.Item.Landing == name).Index).ToArray();
        // Values of two types may be equal, and their texts not.
        if (places.Zip(to.Key).Any(pair => table.Columns[pair.First].Type.WithoutNull().Name != to.Columns[pair.Second].Type.Name))
            return null;

        using var keys = new KeySet(to);
        foreach (ref readonly var change in _batch.Changes)
        {
            if (change.Relation.Table.Source != table.Source || !change.New.Exists)
                continue;

            var texts = new string[places.Length];
            for (var i = 0; i < texts.Length; i++)
            {
                var position = change.Relation.Positions[places[i]];
                if (position < 0)
                    return null;
                if (_batch.Kind(change.New, position) != ValueKind.Text)
                    break; // what is NULL points to nothing
                texts[i] = Encoding.UTF8.GetString(_batch.Text(change.New, position));
            }
            if (texts[^1] is not null)
                keys.Add(texts);
        }
        return keys.IsEmpty ? "" : keys.In("").Set;
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
        foreach (ref readonly var change in batch.Changes)
        {
            isRowByRow &= change.Operation is ChangeOperation.Insert or ChangeOperation.Update or ChangeOperation.Delete;
            switch (change.Operation)
            {
                case ChangeOperation.Insert:
                    Write(batch, change, derive: true);
                    break;
                case ChangeOperation.Update:
                    // The old key's row goes even if the new one cannot be written.
                    if (change.Old.Exists && _keyComparison.Differ(batch, change.Relation, change.Old, change.New))
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
        MayBeFollowed = isRowByRow && _deadLetters.Count == 0 && _rows.Values.Sum(rows => rows.Rows) <= KeySet.Few
            && _rows.Values.Sum(rows => rows.WrittenRows.Length) <= FewBytes;
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
            _rows.Add(table.Source, rows = new RowBuffer(Header(table)));
        return rows;
    }

    private IReadOnlyList<ColumnType> TypesOf(TableMapping table)
    {
        if (!_types.TryGetValue(table.Source, out var types))
            _types.Add(table.Source, types = [.. table.Columns.Select(column => column.Type.Within(Range))]);
        return types;
    }

    private static byte[] Header(TableMapping table)
    {
        var header = new ArrayBufferWriter<byte>();
        RowBinary.WriteLength(header, table.Columns.Count + SystemColumns.Landing.Count);
        foreach (var name in table.Columns.Select(column => column.Landing).Concat(SystemColumns.Landing))
            RowBinary.WriteString(header, Encoding.UTF8.GetBytes(name));
        foreach (var type in table.Columns.Select(column => column.Type.Name).Concat(SystemColumns.LandingTypes))
            RowBinary.WriteString(header, Encoding.UTF8.GetBytes(type));
        return header.WrittenSpan.ToArray();
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
        var columns = relation.Table.Columns;
        var types = TypesOf(relation.Table);
        for (var i = 0; i < columns.Count; i++)
        {
            var column = columns[i];
            var position = relation.Positions[i];
            if (keyOnly && !column.IsKey)
            {
                column.Type.WriteDefault(rows);
                continue;
            }
            if (position < 0)
            {
                if (column.IsKey)
                    return $"The key column '{column.Source}' is missing.";
                column.Type.WriteDefault(rows);
                continue;
            }

            switch (batch.Kind(row, position))
            {
                case ValueKind.Unchanged:
                    return $"Column '{column.Source}' is absent from the change, and there is no row to take it from.";
                case ValueKind.Null when column.Type.TakesNull || column.Type.NullIsDefault:
                    column.Type.WriteNull(rows);
                    break;
                case ValueKind.Null:
                    return $"Column '{column.Source}' is NULL, and {relation.Table.Landing}.{column.Landing} ({column.Type}) takes none.";
                default:
                    if (!types[i].TryWrite(batch.Text(row, position), rows))
                        return $"Column '{column.Source}' is {Shown(batch.Text(row, position))}, which " +
                            $"{relation.Table.Landing}.{column.Landing} ({column.Type}) cannot hold exactly.";
                    break;
            }
        }
        return null;
    }

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
