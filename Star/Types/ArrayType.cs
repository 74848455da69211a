using System.Buffers;
using System.Text.Json;
using AspireCdc.Star.ClickHouse;

namespace AspireCdc.Star.Types;

/// <summary>
/// An array of one dimension: PostgreSQL's <c>{1,NULL,"a b"}</c>, or JSON's. Where it begins to count is not kept; NULL is the empty
/// array. One of more dimensions is refused.
/// </summary>
internal sealed class ArrayType(ColumnType element) : ColumnType($"Array({element.Name})")
{
    public override bool NullIsDefault => true;

    public override ColumnType For(string postgres) =>
        postgres.EndsWith("[]", StringComparison.Ordinal) ? new ArrayType(element.For(postgres[..^2])) : this;

    public override ColumnType Within(DateRange range) => new ArrayType(element.Within(range));

    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        // [0:2]={…} begins to count at 0; PostgreSQL writes the bounds of an array only if it does not begin at 1.
        if (text is [(byte)'[', ..] && text.IndexOf("]={"u8) is > 0 and var bounds && !text[..bounds].ContainsAnyExcept("[]:-0123456789"u8))
            text = text[(bounds + 2)..];
        else if (text is [(byte)'[', ..])
            return TryWriteJson(text, output);

        return text is [(byte)'{', .., (byte)'}'] && TryWriteElements(text[1..^1], output);
    }

    public override void WriteNull(IBufferWriter<byte> output) => WriteDefault(output);

    public override void WriteDefault(IBufferWriter<byte> output) => RowBinary.WriteLength(output, 0);

    public override void Skip(ref ReadOnlyMemory<byte> rest)
    {
        for (var count = RowBinary.ReadLength(ref rest); count > 0; count--)
            element.Skip(ref rest);
    }

    public override string AsText(string expression) => $"toJSONString(arrayMap(element -> {element.AsText("element")}, {expression}))";

    private bool TryWriteElements(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        var elements = new QuotedText(text);
        var count = 0;
        while (elements.TryTake(','))
            count++;
        if (!elements.IsAtEnd)
            return false;

        RowBinary.WriteLength(output, count);
        elements = new QuotedText(text);
        for (; elements.TryTake(','); count--)
        {
            if (!elements.IsQuoted && elements.Value.SequenceEqual("NULL"u8))
            {
                if (!element.TakesNull)
                    return false;
                element.WriteNull(output);
            }
            else if ((!elements.IsQuoted && elements.Value is [] or [(byte)'{', ..]) || !TryWriteElement(elements, output))
            {
                return false;
            }
        }
        return true;
    }

    private bool TryWriteElement(in QuotedText at, IBufferWriter<byte> output)
    {
        if (!at.IsEscaped)
            return element.TryWrite(at.Value, output);

        var rented = ArrayPool<byte>.Shared.Rent(at.Value.Length);
        try
        {
            return element.TryWrite(rented.AsSpan(0, at.Unescape(rented)), output);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private bool TryWriteJson(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        try
        {
            using var json = JsonDocument.Parse(text.ToArray());
            RowBinary.WriteLength(output, json.RootElement.GetArrayLength());
            foreach (var value in json.RootElement.EnumerateArray())
            {
                if (value.ValueKind == JsonValueKind.Null && element.TakesNull)
                    element.WriteNull(output);
                else if (JsonText.Of(value) is not { } utf8 || !element.TryWrite(utf8, output))
                    return false;
            }
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false; // an InvalidOperationException is half of a surrogate pair
        }
    }
}
