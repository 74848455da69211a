using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;

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

    public override string Literal(ReadOnlySpan<byte> text) =>
        T.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture).ToString(null, CultureInfo.InvariantCulture);

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
        bool value;
        if (text.SequenceEqual("t"u8) || text.SequenceEqual("true"u8))
            value = true;
        else if (text.SequenceEqual("f"u8) || text.SequenceEqual("false"u8))
            value = false;
        else
            return false;

        output.Write([value ? (byte)1 : (byte)0]);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output) => output.Write([(byte)0]);
}

/// <summary>A <c>double precision</c>; PostgreSQL prints the shortest text that gives the same bits back, NaN and infinity included.</summary>
internal sealed class FloatType() : ColumnType("Float64")
{
    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value))
            return false;

        // The parser rounds what is too large to infinity; only the word means it.
        if (double.IsInfinity(value) && !text.EndsWith("Infinity"u8))
            return false;

        Write(value, output);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output) => Write(0, output);

    private static void Write(double value, IBufferWriter<byte> output)
    {
        BinaryPrimitives.WriteDoubleLittleEndian(output.GetSpan(8), value);
        output.Advance(8);
    }
}

/// <summary>A <c>numeric</c> with a fixed number of digits: every digit arrives or the value is refused.</summary>
internal sealed class DecimalType : ColumnType
{
    private readonly int _scale;
    private readonly int _bytes;
    private readonly Int128 _limit;

    public DecimalType(int precision, int scale)
        : base($"Decimal({precision}, {scale})")
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(precision, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(precision, 38);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(scale, precision);
        _scale = scale;
        _bytes = precision <= 9 ? 4 : precision <= 18 ? 8 : 16;
        _limit = Int128.One;
        for (var i = 0; i < precision; i++)
            _limit *= 10;
    }

    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (!TryParse(text, out var value))
            return false;

        Write(value, output);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output) => Write(0, output);

    private bool TryParse(ReadOnlySpan<byte> text, out Int128 value)
    {
        value = 0;
        var negative = text is [(byte)'-', ..];
        if (negative || text is [(byte)'+', ..])
            text = text[1..];

        // JSON may write an exponent; PostgreSQL never does.
        var exponent = 0;
        var e = text.IndexOfAny((byte)'e', (byte)'E');
        if (e >= 0)
        {
            if (!int.TryParse(text[(e + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent) || int.Abs(exponent) > 1000)
                return false;
            text = text[..e];
        }

        var point = text.IndexOf((byte)'.');
        var whole = point < 0 ? text : text[..point];
        var fraction = point < 0 ? default : text[(point + 1)..];
        if (whole.IsEmpty && fraction.IsEmpty)
            return false;

        // The place of a digit, counted from the last one that is kept.
        var place = whole.Length - 1 + exponent + _scale;
        if (!TryTake(whole, ref place, ref value) || !TryTake(fraction, ref place, ref value))
            return false;

        for (; place >= 0; place--)
        {
            value *= 10;
            if (value >= _limit)
                return false;
            if (value == 0)
                break;
        }

        if (negative)
            value = -value;
        return true;
    }

    private bool TryTake(ReadOnlySpan<byte> digits, ref int place, ref Int128 value)
    {
        foreach (var character in digits)
        {
            var digit = character - '0';
            if (digit is < 0 or > 9)
                return false;

            if (place-- >= 0)
            {
                value = (value * 10) + digit;
                if (value >= _limit)
                    return false;
            }
            else if (digit != 0)
            {
                return false;
            }
        }
        return true;
    }

    private void Write(Int128 value, IBufferWriter<byte> output)
    {
        Span<byte> all = stackalloc byte[16];
        BinaryPrimitives.WriteInt128LittleEndian(all, value);
        output.Write(all[.._bytes]);
    }
}
