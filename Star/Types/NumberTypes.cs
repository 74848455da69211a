using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using AspireCdc.Star.ClickHouse;

namespace AspireCdc.Star.Types;

internal sealed class IntegerType<T>(string name) : ColumnType(name)
    where T : unmanaged, IBinaryInteger<T>
{
    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (!T.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
            return false;

        Write(value, output);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output) => Write(T.Zero, output);

    public override string Canonical(ReadOnlySpan<byte> text) =>
        T.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            ? value.ToString(null, CultureInfo.InvariantCulture)
            : base.Canonical(text);

    public override string Literal(ReadOnlySpan<byte> text) => Canonical(text);

    private static void Write(T value, IBufferWriter<byte> output)
    {
        value.WriteLittleEndian(output.GetSpan(Unsafe.SizeOf<T>()));
        output.Advance(Unsafe.SizeOf<T>());
    }
}

internal sealed class BooleanType() : ColumnType("Bool")
{
    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (!TryRead(text, out var value))
            return false;

        RowBinary.WriteUInt8(output, value ? (byte)1 : (byte)0);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output) => RowBinary.WriteUInt8(output, 0);

    public override string Canonical(ReadOnlySpan<byte> text) =>
        !TryRead(text, out var value) ? base.Canonical(text) : value ? "true" : "false";

    private static bool TryRead(ReadOnlySpan<byte> text, out bool value)
    {
        value = text.SequenceEqual("t"u8) || text.SequenceEqual("true"u8);
        return value || text.SequenceEqual("f"u8) || text.SequenceEqual("false"u8);
    }
}

/// <summary>
/// A <c>double precision</c>; PostgreSQL prints the shortest text that gives the same bits back, NaN and infinity included.
/// </summary>
internal sealed class Float64Type() : ColumnType("Float64")
{
    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (!TryRead(text, out var value))
            return false;

        Write(value, output);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output) => Write(0, output);

    public override string Canonical(ReadOnlySpan<byte> text) =>
        TryRead(text, out var value) ? value.ToString(CultureInfo.InvariantCulture) : base.Canonical(text);

    private static bool TryRead(ReadOnlySpan<byte> text, out double value)
    {
        if (FloatText.TryReadWord(text) is { } word)
            value = word;
        else if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value))
            return false;
        else if (!double.IsFinite(value))
            return false; // the parser rounds what is too large to infinity
        return true;
    }

    private static void Write(double value, IBufferWriter<byte> output)
    {
        BinaryPrimitives.WriteDoubleLittleEndian(output.GetSpan(8), value);
        output.Advance(8);
    }
}

/// <summary>A <c>real</c>, likewise.</summary>
internal sealed class Float32Type() : ColumnType("Float32")
{
    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (!TryRead(text, out var value))
            return false;

        Write(value, output);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output) => Write(0, output);

    public override string Canonical(ReadOnlySpan<byte> text) =>
        TryRead(text, out var value) ? value.ToString(CultureInfo.InvariantCulture) : base.Canonical(text);

    private static bool TryRead(ReadOnlySpan<byte> text, out float value)
    {
        if (FloatText.TryReadWord(text) is { } word)
            value = (float)word;
        else if (!float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value))
            return false;
        else if (!float.IsFinite(value))
            return false;
        return true;
    }

    private static void Write(float value, IBufferWriter<byte> output)
    {
        BinaryPrimitives.WriteSingleLittleEndian(output.GetSpan(4), value);
        output.Advance(4);
    }
}

internal static class FloatText
{
    /// <summary>PostgreSQL's: .NET's own has a sign.</summary>
    private static readonly double NaN = BitConverter.UInt64BitsToDouble(0x7FF8_0000_0000_0000);

    /// <summary>What is no finite number, as PostgreSQL and ClickHouse write it; null if the text is none of these words.</summary>
    public static double? TryReadWord(ReadOnlySpan<byte> text) =>
        text.SequenceEqual("NaN"u8) || text.SequenceEqual("nan"u8) ? NaN
        : text.SequenceEqual("Infinity"u8) || text.SequenceEqual("inf"u8) ? double.PositiveInfinity
        : text.SequenceEqual("-Infinity"u8) || text.SequenceEqual("-inf"u8) ? double.NegativeInfinity
        : null;
}
