using System.Globalization;
using System.Text;
using System.Text.Json;
using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.CdcProcessor.Kafka;

/// <summary>The names in a change message. Redpanda Connect sends the same, less those that only our connector knows.</summary>
internal static class ChangeMessage
{
    /// <summary>Our connector's: it has sent all that was committed before <c>lsn</c>. Without a table.</summary>
    public const string Progress = "progress";

    /// <summary>A processor's, to whichever has the partition: apply these dead letters again, the ids in
    /// its payload. Without a table.</summary>
    public const string Retry = "retry";

    public const string CommitTimeHeader = "commit_ts_ms", TraceHeader = "traceparent";

    /// <summary>A row's key: <c>order:42</c>; see <see cref="KeyText"/>. Equal keys must not lie in two partitions.</summary>
    public static string KeyOf(ChangeBatch batch, Relation relation, RowRef row) =>
        $"{relation.Table.Source}:{KeyText.Join(KeyText.Of(batch, relation, row))}";

    /// <summary>Reads <c>order:42</c>: the table and its key's text, or null.</summary>
    public static (string Table, string Key)? ParseKey(ReadOnlySpan<byte> key)
    {
        var colon = key.IndexOf((byte)':');
        return colon < 1 ? null : (Encoding.UTF8.GetString(key[..colon]), Encoding.UTF8.GetString(key[(colon + 1)..]));
    }

    /// <summary>A change of one row.</summary>
    public static void WriteRow(Utf8JsonWriter json, ChangeBatch batch, Relation relation, ChangeOperation operation, ulong lsn, RowRef row)
    {
        Begin(json, relation.Table.Source, operation.Name(), lsn);
        json.WriteEndObject();
        json.WritePropertyName("payload"u8);
        ChangeMessageWriter.WriteRow(json, batch, relation, row);
        json.WriteEndObject();
    }

    /// <summary>A message without a row: TRUNCATE, the beginning and the end of a copy, progress.</summary>
    public static void WriteMark(Utf8JsonWriter json, string? table, string operation, ulong lsn, long? copyBegan = null)
    {
        Begin(json, table, operation, lsn);
        if (copyBegan is { } offset)
            json.WriteNumber("began"u8, offset);
        json.WriteEndObject();
        json.WriteNull("payload"u8);
        json.WriteEndObject();
    }

    public static byte[] RetryOf(IEnumerable<string> ids) =>
        JsonSerializer.SerializeToUtf8Bytes(new { metadata = new { operation = Retry }, payload = ids });

    public static IReadOnlyCollection<string> ReadIds(ReadOnlySpan<byte> payload) =>
        JsonSerializer.Deserialize<string[]>(payload) is { Length: > 0 } ids && !ids.Contains(null)
        ? ids : throw new UnreadableException("it asks for dead letters to be applied again and does not say which");

    public static string Milliseconds(long microseconds) => (microseconds / 1000).ToString(CultureInfo.InvariantCulture);

    private static void Begin(Utf8JsonWriter json, string? table, string operation, ulong lsn)
    {
        json.WriteStartObject();
        json.WriteStartObject("metadata"u8);
        if (table is not null)
            json.WriteString("table"u8, table);
        json.WriteString("operation"u8, operation);
        if (lsn != 0)
            ChangeMessageWriter.WriteLsn(json, lsn);
    }
}
