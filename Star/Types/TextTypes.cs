using System.Buffers;
using System.Buffers.Text;
using System.Text;
using AspireCdc.Star.ClickHouse;

namespace AspireCdc.Star.Types;

internal sealed class StringType(string name) : ColumnType(name)
{
    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        RowBinary.WriteString(output, text);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output) => RowBinary.WriteString(output, default);

    public override string Literal(ReadOnlySpan<byte> text) => ClickHouseSql.Quote(Encoding.UTF8.GetString(text));
}

internal sealed class UuidType() : ColumnType("UUID")
{
    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (!Utf8Parser.TryParse(text, out Guid value, out var consumed) || consumed != text.Length)
            return false;

        // Two little-endian halves.
        var bytes = output.GetSpan(16)[..16];
        value.TryWriteBytes(bytes, bigEndian: true, out _);
        bytes[..8].Reverse();
        bytes[8..].Reverse();
        output.Advance(16);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output)
    {
        output.GetSpan(16)[..16].Clear();
        output.Advance(16);
    }
}

internal sealed class NullableType(ColumnType type) : ColumnType($"Nullable({type.Name})")
{
    public override bool TakesNull => true;

    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        // The flag goes before the value, and nothing may be left behind if the value is refused.
        var value = new ArrayBufferWriter<byte>();
        if (!type.TryWrite(text, value))
            return false;

        output.Write([(byte)0]);
        output.Write(value.WrittenSpan);
        return true;
    }

    public override void WriteNull(IBufferWriter<byte> output) => output.Write([(byte)1]);

    public override void WriteDefault(IBufferWriter<byte> output) => WriteNull(output);
}
