using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;

namespace AspireCdc.CdcProcessor.Changes;

/// <summary>
/// Writes the change message: <c>{"metadata":{"table","operation","lsn"},"payload":{…row…}}</c>. A column that is absent has not changed. A
/// row's old key (or old row) goes as <c>before</c> into the metadata.
/// </summary>
internal static class ChangeMessageWriter
{
    // PostgreSQL's type OIDs whose values JSON knows.
    private const uint Bool = 16, Int8 = 20, Int2 = 21, Int4 = 23, Oid = 26, Float4 = 700, Float8 = 701, Timestamp = 1114,
        TimestampTz = 1184;

    public static void Write(Utf8JsonWriter json, ChangeBatch batch, in Change change)
    {
        json.WriteStartObject();
        json.WriteStartObject("metadata"u8);
        json.WriteString("table"u8, change.Relation.Table.Source);
        json.WriteString("operation"u8, change.Operation.Name());
        if (change.Lsn != 0)
            WriteLsn(json, change.Lsn);
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

    public static void WriteLsn(Utf8JsonWriter json, ulong lsn)
    {
        Span<byte> text = stackalloc byte[17];
        Utf8.TryWrite(text, CultureInfo.InvariantCulture, $"{lsn >> 32:X}/{(uint)lsn:X}", out var length);
        json.WriteString("lsn"u8, text[..length]);
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

        json.WritePropertyName(relation.JsonNames[column]);
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
                WriteTime(json, text[..^3], "Z"u8);
                break;
            case Timestamp when text.Length is >= 19 and <= 40 && text[10] == ' ' && char.IsAsciiDigit((char)text[^1]):
                WriteTime(json, text, default);
                break;
            default:
                json.WriteStringValue(text);
                break;
        }
    }

    private static void WriteTime(Utf8JsonWriter json, ReadOnlySpan<byte> text, ReadOnlySpan<byte> zone)
    {
        Span<byte> time = stackalloc byte[40];
        text.CopyTo(time);
        time[10] = (byte)'T';
        zone.CopyTo(time[text.Length..]);
        json.WriteStringValue(time[..(text.Length + zone.Length)]);
    }

    private static bool IsPlainTime(ReadOnlySpan<byte> text) => text.Length is >= 22 and <= 40 && text[10] == ' ' && text.EndsWith("+00"u8);
}
