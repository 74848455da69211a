using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.Model;
using Confluent.Kafka;

namespace AspireCdc.CdcProcessor.Kafka;

/// <summary>
/// Reads change messages, Redpanda Connect's and our connector's alike, into batches. What cannot be read becomes a dead letter
/// that names topic, partition and offset.
/// </summary>
internal sealed class MessageReader(StarModel model, string topic)
{
    private readonly ChangeMessageReader _changes = new(model);

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
                throw new UnreadableException(
                    "it has no body. Redpanda Connect sends that for TRUNCATE, without saying of which " +
                    "table: start the tables anew if it was one");

            if (!Utf8.IsValid(body))
                throw new UnreadableException("it is not UTF-8");

            var (metadata, payload) = Envelope.Read(body);
            switch (metadata.Operation)
            {
                case ChangeMessage.Progress:
                    return metadata.Lsn;
                case ChangeMessage.Retry:
                    batch.Retry(ChangeMessage.ReadIds(payload));
                    return 0;
            }

            var change = _changes.Read(metadata, payload, place.Partition, batch);
            if (message.Message.Key is null && !change.Relation.Table.AppendOnly
                && (change.New.Exists ? change.New : change.Old) is { Exists: true } row)
            {
                var key = ChangeMessage.KeyOf(batch, change.Relation, row);
                batch.Add(DeadLetterOf(message, place, Encoding.UTF8.GetBytes(key),
                    $"it has no key and may lie in any partition: all changes of one row must come in one, under the key '{key}'"));
                return 0;
            }

            batch.Add(Placed(change, metadata, place) with { CommitTime = CommitTime(message.Message.Headers) });
            if (TraceOf(message.Message.Headers) is { } trace)
                batch.LinkTo(trace, change.Lsn, batch.Changes[^1].CommitTime);
            isIncomplete = change.Operation == ChangeOperation.Update && Lacks(batch, change);
        }
        catch (Exception e) when (e is UnreadableException or JsonException or InvalidOperationException or FormatException)
        {
            batch.Add(DeadLetterOf(message, place, message.Message.Key, e is JsonException
                ? $"it is not JSON, or nested too deeply ({e.Message})"
                : e.Message));
        }
        return 0;
    }

    /// <summary>A change that has its sink derive a row which landed by itself.</summary>
    public Change Derive(LandedRow landed, ChangeBatch batch)
    {
        var relation = _changes.RelationOf(landed.Table);
        var row = batch.AddRow(relation.Columns.Count);
        for (var i = 0; i < landed.Key.Count; i++)
            batch.SetText(row, relation.Positions[landed.Table.Key[i]], Encoding.UTF8.GetBytes(landed.Key[i]));
        return new(relation, ChangeOperation.Derive, landed.Version, Lsn: 0, landed.Partition, CommitTime: 0, RowRef.None, row,
            landed.Version);
    }

    private static Change Placed(in Change change, in ChangeMetadata metadata, Place place)
    {
        if (change.Operation != ChangeOperation.CopyEnd)
            return change with { Version = Version(place.Offset) };

        // What was swept counts as old as the first mark: a dead letter from between the marks may still be retried.
        var bound = Version(metadata.CopyBegan ?? throw new UnreadableException("it ends a copy and does not say where that began"));
        return change with { Version = bound, Bound = bound };
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

    /// <summary>Offsets order the messages of a partition, and a key stays in its partition. 0 means that there is
    /// nothing, so they count from 1.</summary>
    private static UInt128 Version(long offset) => (UInt128)(offset + 1);

    private static long CommitTime(Headers? headers) =>
        headers is not null && headers.TryGetLastBytes(ChangeMessage.CommitTimeHeader, out var bytes)
            && long.TryParse(bytes, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
            && milliseconds < long.MaxValue / 1000
            ? milliseconds * 1000 : 0;

    private ActivityContext? TraceOf(Headers? headers)
    {
        if (headers is null || !headers.TryGetLastBytes(ChangeMessage.TraceHeader, out var header))
            return null;
        if (!header.AsSpan().SequenceEqual(_trace.Header))
            _trace = (header, ActivityContext.TryParse(Encoding.ASCII.GetString(header), null, isRemote: true, out var context)
                ? context
                : null);
        return _trace.Context;
    }

    /// <summary>The message's key tells whose change it was, even if its body does not: nothing may be filled from
    /// that row until it is settled.</summary>
    private DeadLetter DeadLetterOf(ConsumeResult<byte[]?, byte[]?> message, Place place, byte[]? key, string reason)
    {
        var row = key is null ? null : ChangeMessage.ParseKey(key);
        return new DeadLetter(
            row?.Table ?? "", row?.Key ?? "", Operation: "", Raw(message.Message.Value),
            $"The message at offset {place.Offset} of partition {place.Partition} of {topic} cannot be read: {reason}.",
            Version(place.Offset), Lsn: 0, place.Partition);
    }

    private static string Raw(byte[]? body) => body is null ? "" : Encoding.UTF8.GetString(body);

    private readonly record struct Place(int Partition, long Offset);
}
