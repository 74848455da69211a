using System.Globalization;
using System.Text;
using System.Text.Json;

namespace AspireCdc.CdcProcessor.Changes;

/// <summary>
/// Writes the change message: <c>{"metadata":{"table","operation","lsn"},"payload":{…row…}}</c>. A column that is absent has not changed. A row's old key (or
/// old row) goes as <c>before</c> into the metadata.
/// </summary>
internal static class ChangeMessageWriter
{
    // PostgreSQL's type OIDs whose values JSON knows.
    private const uint Bool = 16, Int8 = 20, Int2 = 21, Int4 = 23, Oid = 26, Float4 = 700, Float8 = 701, Timestamp = 1114, TimestampTz = 1184;

    public static void Write(Utf8JsonWriter json, ChangeBatch batch, in Change change)
    {
        json.WriteStartObject();
        json.WriteStartObject("metadata"u8);
        json.WriteString("table"u8, change.Relation.Table.Source);
        json.WriteString("operation"u8, change.Operation.Name());
        if (change.Lsn != 0)
            json.WriteString("lsn"u8, Lsn.Format(change.Lsn));
        if (change.New.Exists && change.Old.Exists)
        {
            json.WritePropertyName("before"u8);
            WriteRow(json, batch, change.Relation, change.Old);
        }
        json.WriteEndObject();

        json.WritePropertyName("payload"u8);
        var row = change.New.Exists ? change.New : change.Old;
        if (row.Exists)
            WriteRow(json, batch, change.Relation, row);
        else
            json.WriteNullValue();
        json.WriteEndObject();
    }

    public static void WriteRow(Utf8JsonWriter json, ChangeBatch batch, Relation relation, RowRef row)
    {
        json.WriteStartObject();
        for (var i = 0; i < row.Count; i++)
            WriteColumn(json, batch, relation, row, i);
        json.WriteEndObject();
    }

    private static void WriteColumn(Utf8JsonWriter json, ChangeBatch batch, Relation relation, RowRef row, int column)
    {
        var kind = batch.Kind(row, column);
        if (kind == ValueKind.Unchanged)
            return;

        json.WritePropertyName(relation.Columns[column].Name);
        if (kind == ValueKind.Null)
            json.WriteNullValue();
        else
            WriteValue(json, relation.Columns[column].TypeOid, batch.Text(row, column));
    }

    private static void WriteValue(Utf8JsonWriter json, uint type, ReadOnlySpan<byte> text)
    {
        switch (type)
        {
            case Int2 or Int4 or Int8 or Oid:
            case Float4 or Float8 when !text.EndsWith("NaN"u8) && !text.EndsWith("Infinity"u8):
                json.WriteRawValue(text, skipInputValidation: true);
                break;
            case Bool:
                json.WriteBooleanValue(text is [(byte)'t', ..]);
                break;
            case TimestampTz when IsPlainTime(text):
                // 2026-01-02 03:04:05.6+00 → 2026-01-02T03:04:05.6Z; the session's time zone is UTC.
                json.WriteStringValue(string.Create(CultureInfo.InvariantCulture, $"{Encoding.ASCII.GetString(text[..10])}T{Encoding.ASCII.GetString(text[11..^3])}Z"));
                break;
            case Timestamp when text.Length >= 19 && text[10] == ' ' && char.IsAsciiDigit((char)text[^1]):
                json.WriteStringValue(string.Create(CultureInfo.InvariantCulture, $"{Encoding.ASCII.GetString(text[..10])}T{Encoding.ASCII.GetString(text[11..])}"));
                break;
            default:
                json.WriteStringValue(text);
                break;
        }
    }

    private static bool IsPlainTime(ReadOnlySpan<byte> text) => text.Length >= 22 && text[10] == ' ' && text.EndsWith("+00"u8);
}
