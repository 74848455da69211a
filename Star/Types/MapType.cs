using System.Buffers;
using System.Text.Json;
using AspireCdc.Star.ClickHouse;

namespace AspireCdc.Star.Types;

/// <summary>An <c>hstore</c>: <c>"a"=>"1", "b"=>NULL</c>, or a JSON object. NULL is the empty map.</summary>
internal sealed class MapType() : ColumnType("Map(String, Nullable(String))")
{
    private const byte NoNull = 0, Null = 1;

    public override bool NullIsDefault => true;

    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (text is [(byte)'{', ..])
            return TryWriteJson(text, output);

        if (!TryWritePairs(text, null, out var count))
            return false;
        RowBinary.WriteLength(output, count);
        return TryWritePairs(text, output, out _);
    }

    public override void WriteNull(IBufferWriter<byte> output) => WriteDefault(output);

    public override void WriteDefault(IBufferWriter<byte> output) => RowBinary.WriteLength(output, 0);

    public override void Skip(ref ReadOnlyMemory<byte> rest)
    {
        for (var count = RowBinary.ReadLength(ref rest); count > 0; count--)
        {
            _ = RowBinary.ReadBytes(ref rest);
            if (RowBinary.ReadUInt8(ref rest) == NoNull)
                _ = RowBinary.ReadBytes(ref rest);
        }
    }

    public override string AsText(string expression) => $"toJSONString({expression})";

    private static bool TryWritePairs(ReadOnlySpan<byte> text, IBufferWriter<byte>? output, out int count)
    {
        for (count = 0; !text.IsEmpty; count++)
        {
            if ((count > 0 && !TryTake(ref text, ", "u8)) || !TryWriteText(ref text, output) || !TryTake(ref text, "=>"u8))
                return false;

            if (TryTake(ref text, "NULL"u8))
            {
                output?.Write([Null]);
                continue;
            }
            output?.Write([NoNull]);
            if (!TryWriteText(ref text, output))
                return false;
        }
        return true;
    }

    /// <summary>Every key and every value stands in quotation marks.</summary>
    private static bool TryWriteText(ref ReadOnlySpan<byte> text, IBufferWriter<byte>? output)
    {
        if (text is not [(byte)'"', ..])
            return false;

        var (end, escapes) = (1, 0);
        for (; end < text.Length && text[end] != '"'; end++)
        {
            if (text[end] != '\\')
                continue;
            end++;
            escapes++;
        }
        if (end >= text.Length)
            return false;

        var value = text[1..end];
        text = text[(end + 1)..];
        if (output is null)
            return true;

        RowBinary.WriteLength(output, value.Length - escapes);
        var target = output.GetSpan(Math.Max(value.Length, 1));
        var length = 0;
        for (var i = 0; i < value.Length; i++)
            target[length++] = value[i] == '\\' ? value[++i] : value[i];
        output.Advance(length);
        return true;
    }

    private static bool TryTake(ref ReadOnlySpan<byte> text, ReadOnlySpan<byte> what)
    {
        if (!text.StartsWith(what))
            return false;

        text = text[what.Length..];
        return true;
    }

    private static bool TryWriteJson(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        try
        {
            using var json = JsonDocument.Parse(text.ToArray());
            RowBinary.WriteLength(output, json.RootElement.EnumerateObject().Count());
            foreach (var pair in json.RootElement.EnumerateObject())
            {
                RowBinary.WriteString(output, System.Text.Encoding.UTF8.GetBytes(pair.Name));
                if (pair.Value.ValueKind == JsonValueKind.Null)
                {
                    RowBinary.WriteUInt8(output, Null);
                    continue;
                }
                if (pair.Value.ValueKind != JsonValueKind.String)
                    return false;
                RowBinary.WriteUInt8(output, NoNull);
                RowBinary.WriteString(output, JsonText.Of(pair.Value)!);
            }
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }
}
