using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.Mapping;
using Confluent.Kafka;

namespace AspireCdc.CdcProcessor.Kafka;

/// <summary>
/// Reads change messages, Redpanda Connect's and our connector's alike, into batches. What cannot be read becomes a dead letter that names topic, partition and offset.
/// </summary>
internal sealed class MessageReader(Model model, string topic)
{
    /// <summary>Deeper nesting than any row's.</summary>
    private static readonly JsonReaderOptions Strict = new() { MaxDepth = 16 };

    private readonly Dictionary<string, Relation> _relations = model.Tables.ToDictionary(table => table.Source, Relation.Of);

    /// <summary>The trace of the message before: the messages of a batch share one.</summary>
    private (byte[] Header, ActivityContext? Context) _trace = ([], null);

    /// <summary>Adds what a message says. Returns the commit position that a progress message announces, otherwise 0.</summary>
    /// <param name="message">The message.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="isIncomplete">It added an update that lacks a column, as Redpanda Connect sends unchanged TOAST values.</param>
    public ulong Read(ConsumeResult<byte[]?, byte[]?> message, ChangeBatch batch, out bool isIncomplete)
    {
        isIncomplete = false;
        var place = new Place(message.Partition.Value, message.Offset.Value);
        try
        {
            var body = message.Message.Value;
            if (body is null || body.AsSpan().Trim(" \t\r\n"u8).SequenceEqual("null"u8))
                throw new UnreadableException("it has no body. Redpanda Connect sends that for TRUNCATE, without saying of which table: start the tables anew if it was one");

            if (!Utf8.IsValid(body))
                throw new UnreadableException("it is not UTF-8");

            var (metadata, payload) = Envelope.Read(body, Strict);
            if (metadata.Operation == ChangeMessage.Progress)
                return metadata.Lsn;
            Add(metadata, payload, CommitTime(message.Message.Headers), place, batch);
            if (TraceOf(message.Message.Headers) is { } trace)
                batch.LinkTo(trace);
            isIncomplete = batch.Changes[^1] is { Operation: ChangeOperation.Update } update && Lacks(batch, update);
        }
        catch (Exception e) when (e is UnreadableException or JsonException or InvalidOperationException or FormatException)
        {
            batch.Add(DeadLetterOf(message, place, e is JsonException ? $"it is not JSON, or nested too deeply ({e.Message})" : e.Message));
        }
        return 0;
    }

    /// <summary>A change that has its sink derive a row which landed by itself.</summary>
    public Change Derive(LandedRow landed, ChangeBatch batch)
    {
        var relation = _relations[landed.Table.Source];
        var row = batch.AddRow(relation.Columns.Count);
        for (var i = 0; i < landed.Key.Count; i++)
            batch.SetText(row, relation.Positions[landed.Table.Key[i]], Encoding.UTF8.GetBytes(landed.Key[i]));
        return new(relation, ChangeOperation.Derive, landed.Version, Lsn: 0, Partition: -1, CommitTime: 0, RowRef.None, row, landed.Version);
    }

    private static bool Lacks(ChangeBatch batch, in Change update)
    {
        for (var column = 0; column < update.New.Count; column++)
        {
            if (batch.Kind(update.New, column) == ValueKind.Unchanged)
                return true;
        }
        return false;
    }

    private void Add(Metadata metadata, ReadOnlySpan<byte> payload, long commitTime, Place place, ChangeBatch batch)
    {
        if (metadata.Table is null)
            throw new UnreadableException("its metadata names no table");
        if (!_relations.TryGetValue(metadata.Table, out var relation))
            throw new UnreadableException($"its table '{metadata.Table}' is not in the mapping");

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
            _ => throw new UnreadableException($"its operation '{metadata.Operation}' is unknown"),
        };

        switch (operation)
        {
            case ChangeOperation.Truncate or ChangeOperation.CopyBegin:
                batch.Add(Change(operation, RowRef.None, RowRef.None));
                break;
            case ChangeOperation.CopyEnd:
                // What was swept counts as old as the first mark: a dead letter from between the marks may still be retried.
                var bound = Version(metadata.CopyBegan ?? throw new UnreadableException("it ends a copy and does not say where that began"));
                batch.Add(Change(operation, RowRef.None, RowRef.None) with { Version = bound, Bound = bound });
                break;
            case ChangeOperation.Delete:
                batch.Add(Change(operation, Row(payload, "payload"), RowRef.None));
                break;
            default:
                var old = operation == ChangeOperation.Update && metadata.Before is { } before ? Row(before, "before") : RowRef.None;
                batch.Add(Change(operation, old, Row(payload, "payload")));
                break;
        }

        Change Change(ChangeOperation operation, RowRef old, RowRef row) =>
            new(relation, operation, Version(place.Offset), metadata.Lsn, place.Partition, commitTime, old, row);

        RowRef Row(ReadOnlySpan<byte> json, string what)
        {
            var row = ReadRow(json, relation, batch, what);
            foreach (var key in relation.Table.Key)
            {
                if (batch.Kind(row, relation.Positions[key]) != ValueKind.Text)
                    throw new UnreadableException($"its {what} lacks the key column '{relation.Table.Columns[key].Source}'");
            }
            return row;
        }
    }

    private static RowRef ReadRow(ReadOnlySpan<byte> json, Relation relation, ChangeBatch batch, string what)
    {
        var reader = new Utf8JsonReader(json, Strict);
        if (json.IsEmpty || !reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw new UnreadableException($"its {what} is not an object");

        var row = batch.AddRow(relation.Columns.Count);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var column = ColumnOf(ref reader, relation);
            reader.Read();
            if (column < 0)
            {
                reader.Skip();
                continue;
            }

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
                default:
                    throw new UnreadableException($"its column '{relation.Columns[column].Name}' holds an object or an array");
            }
        }
        return row;
    }

    private static int ColumnOf(ref Utf8JsonReader reader, Relation relation)
    {
        for (var i = 0; i < relation.Columns.Count; i++)
        {
            if (reader.ValueTextEquals(relation.Columns[i].Name))
                return i;
        }
        return -1;
    }

    /// <summary>Offsets order the messages of a partition, and a key stays in its partition. 0 means that there is nothing, so they count from 1.</summary>
    private static UInt128 Version(long offset) => (UInt128)(offset + 1);

    private static long CommitTime(Headers? headers) =>
        headers is not null && headers.TryGetLastBytes(ChangeMessage.CommitTimeHeader, out var bytes)
            && long.TryParse(bytes, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) && milliseconds < long.MaxValue / 1000
            ? milliseconds * 1000 : 0;

    private ActivityContext? TraceOf(Headers? headers)
    {
        if (headers is null || !headers.TryGetLastBytes(ChangeMessage.TraceHeader, out var header))
            return null;
        if (!header.AsSpan().SequenceEqual(_trace.Header))
            _trace = (header, ActivityContext.TryParse(Encoding.ASCII.GetString(header), null, isRemote: true, out var context) ? context : null);
        return _trace.Context;
    }

    /// <summary>The message's key tells whose change it was, even if its body does not: nothing may be filled from that row until it is settled.</summary>
    private DeadLetter DeadLetterOf(ConsumeResult<byte[]?, byte[]?> message, Place place, string reason)
    {
        var key = message.Message.Key is { } bytes ? ChangeMessage.ParseKey(bytes) : null;
        return new DeadLetter(
            key?.Table ?? "", key?.Key ?? "", Operation: "", Raw(message.Message.Value), $"The message at offset {place.Offset} of partition {place.Partition} of {topic} cannot be read: {reason}.",
            Version(place.Offset), Lsn: 0, place.Partition);
    }

    private static string Raw(byte[]? body) => body is null ? "" : Encoding.UTF8.GetString(body);

    private readonly record struct Place(int Partition, long Offset);
}
