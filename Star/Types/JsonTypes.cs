using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using AspireCdc.Star.ClickHouse;

namespace AspireCdc.Star.Types;

/// <summary>
/// ClickHouse's own JSON, where it is asked for: an object, whose paths become columns. Numbers lose the zeros at their end, and what is
/// null is gone; String keeps the text as it is.
/// What ClickHouse would not take is refused here, since one value would hold up all rows of its insert.
/// </summary>
internal sealed class JsonType() : ColumnType("JSON")
{
    private static readonly JsonReaderOptions Options = new() { MaxDepth = 64 };

    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (!IsTaken(text))
            return false;

        RowBinary.WriteString(output, text);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output) => RowBinary.WriteString(output, "{}"u8);

    /// <summary>ClickHouse answers it by its paths.</summary>
    public override void Skip(ref ReadOnlyMemory<byte> rest) => throw new NotSupportedException("JSON is written only.");

    public override string AsText(string expression) => $"if(isNull({expression}), NULL, toJSONString({expression}))";

    private static bool IsTaken(ReadOnlySpan<byte> text)
    {
        try
        {
            var reader = new Utf8JsonReader(text, Options);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject || !AreTaken(ref reader, "", []))
                return false;
            return !reader.Read();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>The members of an object: {"a.b": …} and {"a": {"b": …}} are one path, and none may be there twice.</summary>
    private static bool AreTaken(ref Utf8JsonReader reader, string prefix, HashSet<string> paths)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var path = prefix + reader.GetString();
            reader.Read();
            var isTaken = reader.TokenType == JsonTokenType.StartObject
                ? AreTaken(ref reader, path + ".", paths)
                : paths.Add(path) && IsValueTaken(ref reader);
            if (!isTaken)
                return false;
        }
        return true;
    }

    private static bool IsValueTaken(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.String:
                _ = reader.GetString(); // throws for half of a surrogate pair
                return true;
            case JsonTokenType.Number:
                return IsNumberTaken(reader.ValueSpan);
            case JsonTokenType.StartObject:
                return AreTaken(ref reader, "", []);
            case JsonTokenType.StartArray:
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    if (!IsValueTaken(ref reader))
                        return false;
                }
                return true;
            default:
                return true;
        }
    }

    private static bool IsNumberTaken(ReadOnlySpan<byte> number) => number.IndexOfAny(".eE"u8) < 0
        ? long.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)
            || ulong.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out _)
        : double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value);
}

internal static class JsonText
{
    /// <summary>A value of JSON as text; null of what is null.</summary>
    public static byte[]? Of(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => Encoding.UTF8.GetBytes(value.GetString()!),
        _ => Encoding.UTF8.GetBytes(value.GetRawText()),
    };
}
