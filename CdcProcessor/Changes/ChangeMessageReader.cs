using System.Text;
using System.Text.Json;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;

namespace AspireCdc.CdcProcessor.Changes;

/// <summary>Reads change messages: Redpanda Connect's, our connector's, and those that dead letters keep.</summary>
internal sealed class ChangeMessageReader(StarModel model)
{
    private readonly Dictionary<string, Table> _tables = model.Tables.ToDictionary(table => table.Source, table =>
        new Table(Relation.Of(table)));
    private readonly KeyComparison _keys = new();

    /// <summary>A row of exactly the mapped columns.</summary>
    public Relation RelationOf(TableMapping table) => _tables[table.Source].Relation;

    /// <summary>
    /// Puts the rows of a message into the batch. Returns its change, without a version; its old row is there where the message
    /// comes from PostgreSQL, or deletes it.
    /// </summary>
    /// <param name="metadata">What the message says of itself.</param>
    /// <param name="payload">Its row, as JSON.</param>
    /// <param name="partition">The partition that brought it; -1 from PostgreSQL.</param>
    /// <param name="batch">The batch.</param>
    /// <exception cref="UnreadableException">It makes no sense.</exception>
    public Change Read(in ChangeMetadata metadata, ReadOnlySpan<byte> payload, int partition, ChangeBatch batch)
    {
        if (metadata.Table is null)
            throw new UnreadableException("its metadata names no table");
        if (!_tables.TryGetValue(metadata.Table, out var table))
            throw new UnreadableException($"its table {UnreadableException.Shown(metadata.Table)} is not in the mapping");

        var operation = metadata.Operation switch
        {
            "insert" => ChangeOperation.Insert,
            "update" => ChangeOperation.Update,
            "delete" => ChangeOperation.Delete,
            "read" => ChangeOperation.Read,
            "truncate" => ChangeOperation.Truncate,
            "copy-begin" => ChangeOperation.CopyBegin,
            "copy-end" => ChangeOperation.CopyEnd,
            null => throw new UnreadableException("its metadata names no operation"),
            _ => throw new UnreadableException($"its operation {UnreadableException.Shown(metadata.Operation)} is unknown"),
        };

        if (table.Relation.Table.AppendOnly && operation is (ChangeOperation.Update or ChangeOperation.Delete or ChangeOperation.Truncate))
            throw new UnreadableException(
                $"its table {metadata.Table} is append-only in the model, and its operation is {metadata.Operation}");

        RowRef old = RowRef.None, row = RowRef.None;
        switch (operation)
        {
            case ChangeOperation.Truncate or ChangeOperation.CopyBegin or ChangeOperation.CopyEnd:
                break;
            case ChangeOperation.Delete:
                old = ReadRow(payload, table, batch, "payload");
                break;
            default:
                row = ReadRow(payload, table, batch, "payload");
                if (operation == ChangeOperation.Update && metadata.Before is { } before)
                    old = ReadRow(before, table, batch, "before");
                break;
        }

        if (partition >= 0 && old.Exists && row.Exists)
        {
            // The old key may live in another partition, whose offsets do not compare with this one's: no version from here can end it.
            if (_keys.Differ(batch, table.Relation, old, row))
                throw new UnreadableException(
                    "its key is not that of its 'before': each key has a partition of its own, so a changed key must arrive as a delete " +
                    "under the old one and an insert under the new one");
            old = RowRef.None;
        }
        return new Change(table.Relation, operation, Version: 0, metadata.Lsn, partition, CommitTime: 0, old, row);
    }

    /// <summary>The change of one row that a dead letter holds, at its own version; null where it cannot be read now either.
    /// Its old key has gone already.</summary>
    public Change? TryRead(DeadLetter letter, ChangeBatch batch)
    {
        try
        {
            var (metadata, payload) = Envelope.Read(Encoding.UTF8.GetBytes(letter.Raw));
            var change = Read(metadata, payload, letter.Partition, batch) with { Version = letter.Version, Lsn = letter.Lsn };
            return change.Operation switch
            {
                ChangeOperation.Insert or ChangeOperation.Update or ChangeOperation.Delete =>
                    change with { Old = change.New.Exists ? RowRef.None : change.Old },
                ChangeOperation.Read => change with { Operation = ChangeOperation.Insert }, // what it was copied with has long been derived
                _ => null,
            };
        }
        catch (Exception e) when (e is UnreadableException or JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static RowRef ReadRow(ReadOnlySpan<byte> json, Table table, ChangeBatch batch, string what)
    {
        var row = ReadColumns(json, table, batch, what);
        var relation = table.Relation;
        foreach (var key in relation.Table.Key)
        {
            if (batch.Kind(row, relation.Positions[key]) != ValueKind.Text)
                throw new UnreadableException($"its {what} lacks the key column '{relation.Table.Columns[key].Source}'");
        }
        return row;
    }

    private static RowRef ReadColumns(ReadOnlySpan<byte> json, Table table, ChangeBatch batch, string what)
    {
        var reader = new Utf8JsonReader(json, Envelope.Strict);
        if (json.IsEmpty || !reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw new UnreadableException($"its {what} is not an object");

        var row = batch.AddRow(table.Names.Length);
        var next = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var column = table.ColumnOf(ref reader, next);
            reader.Read();
            if (column < 0)
            {
                reader.Skip();
                continue;
            }

            next = column + 1;
            switch (reader.TokenType)
            {
                case JsonTokenType.Null:
                    batch.SetNull(row, column);
                    break;
                case JsonTokenType.String when reader.ValueIsEscaped:
                    batch.SetText(row, column, Encoding.UTF8.GetBytes(reader.GetString()!));
                    break;
                case JsonTokenType.String or JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False:
                    batch.SetText(row, column, reader.ValueSpan);
                    break;
                case JsonTokenType.StartObject or JsonTokenType.StartArray when table.TakesJson(column):
                    var start = (int)reader.TokenStartIndex;
                    reader.Skip();
                    batch.SetText(row, column, json[start..(int)reader.BytesConsumed]);
                    break;
                default:
                    throw new UnreadableException($"its column '{table.Relation.Columns[column].Name}' holds an object or an array");
            }
        }
        return row;
    }

    /// <summary>A table, and its columns' names as messages have them.</summary>
    private sealed class Table(Relation relation)
    {
        public Relation Relation => relation;

        public byte[][] Names { get; } = [.. relation.Columns.Select(column => Encoding.UTF8.GetBytes(column.Name))];

        /// <summary>Another program may write an array, an hstore or a json as JSON's own; ours writes PostgreSQL's text.</summary>
        public bool TakesJson(int column) =>
            relation.Table.Columns[column] is var mapped
                && (mapped.Type.NullIsDefault || mapped.Type is JsonType || mapped.Postgres is "json" or "jsonb");

        /// <summary>A message has its columns in the order of the one before it: most often <paramref name="next"/> is the one.</summary>
        public int ColumnOf(ref Utf8JsonReader reader, int next)
        {
            for (var i = 0; i < Names.Length; i++)
            {
                var column = next + i < Names.Length ? next + i : next + i - Names.Length;
                if (reader.ValueTextEquals(Names[column]))
                    return column;
            }
            return -1;
        }
    }
}
