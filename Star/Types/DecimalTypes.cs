using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace AspireCdc.Star.Types;

/// <summary>A <c>numeric</c> of at most 38 digits: every digit arrives or the value is refused.</summary>
internal sealed class DecimalType : ColumnType
{
    /// <summary>What 128 bits hold.</summary>
    public const int MostDigits = 38;

    private readonly int _scale;
    private readonly int _bytes;

    /// <summary>A number of at least this much has no room for a digit more.</summary>
    private readonly Int128 _full;

    public DecimalType(int precision, int scale)
        : base($"Decimal({precision}, {scale})")
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(precision, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(precision, MostDigits);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(scale, precision);
        _scale = scale;
        _bytes = precision <= 9 ? 4 : precision <= 18 ? 8 : 16;
        _full = Int128.One;
        for (var i = 1; i < precision; i++)
            _full *= 10;
    }

    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (_bytes == 16)
        {
            if (!TryParse(text, _full, out var value))
                return false;
            BinaryPrimitives.WriteInt128LittleEndian(output.GetSpan(16), value);
        }
        else
        {
            if (!TryParse(text, (long)_full, out var value))
                return false;
            BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(8), value);
        }
        output.Advance(_bytes);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output)
    {
        output.GetSpan(_bytes)[.._bytes].Clear();
        output.Advance(_bytes);
    }

    public override string Canonical(ReadOnlySpan<byte> text) =>
        TryParse(text, _full, out var value)
            ? DecimalText.Write(value.ToString(CultureInfo.InvariantCulture), _scale)
            : base.Canonical(text);

    private bool TryParse<T>(ReadOnlySpan<byte> text, T full, out T value)
        where T : struct, IBinaryInteger<T>
    {
        value = T.Zero;
        if (!DecimalText.TryRead(text, out var parts))
            return false;

        // The place of a digit, counted from the last one that is kept.
        var place = parts.Whole.Length - 1 + parts.Exponent + _scale;
        if (!TryTake(parts.Whole, full, ref place, ref value) || !TryTake(parts.Fraction, full, ref place, ref value))
            return false;

        var ten = T.CreateTruncating(10);
        for (; place >= 0 && !T.IsZero(value); place--)
        {
            if (value >= full)
                return false;
            value *= ten;
        }

        if (parts.IsNegative)
            value = -value;
        return true;
    }

    private static bool TryTake<T>(ReadOnlySpan<byte> digits, T full, ref int place, ref T value)
        where T : struct, IBinaryInteger<T>
    {
        var ten = T.CreateTruncating(10);
        foreach (var character in digits)
        {
            var digit = character - '0';
            if (digit is < 0 or > 9)
                return false;

            if (place-- >= 0)
            {
                if (value >= full)
                    return false;
                value = (value * ten) + T.CreateTruncating(digit);
            }
            else if (digit != 0)
            {
                return false;
            }
        }
        return true;
    }
}

/// <summary>A <c>numeric</c> of 39 to 76 digits, likewise.</summary>
internal sealed class WideDecimalType : ColumnType
{
    /// <summary>What 256 bits hold.</summary>
    public const int MostDigits = 76;

    private const int Size = 32;
    private readonly int _precision;
    private readonly int _scale;

    public WideDecimalType(int precision, int scale)
        : base($"Decimal({precision}, {scale})")
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(precision, MostDigits);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(scale, precision);
        _precision = precision;
        _scale = scale;
    }

    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (!TryParse(text, out var value))
            return false;

        Write(value, output);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output) => Write(BigInteger.Zero, output);

    public override string Canonical(ReadOnlySpan<byte> text) =>
        TryParse(text, out var value) ? DecimalText.Write(value.ToString(CultureInfo.InvariantCulture), _scale) : base.Canonical(text);

    private bool TryParse(ReadOnlySpan<byte> text, out BigInteger value)
    {
        value = BigInteger.Zero;
        if (!DecimalText.TryRead(text, out var parts))
            return false;

        // The digits that are kept, at most one too many; others must be zeros.
        Span<byte> digits = stackalloc byte[MostDigits + 1];
        var count = 0;
        var place = parts.Whole.Length - 1 + parts.Exponent + _scale;
        if (!TryTake(parts.Whole, ref place, digits, ref count) || !TryTake(parts.Fraction, ref place, digits, ref count))
            return false;
        for (; place >= 0 && count > 0; place--)
        {
            if (count == _precision)
                return false;
            digits[count++] = (byte)'0';
        }

        value = count == 0
            ? BigInteger.Zero
            : BigInteger.Parse(Encoding.ASCII.GetString(digits[..count]), NumberStyles.None, CultureInfo.InvariantCulture);
        if (parts.IsNegative)
            value = -value;
        return true;
    }

    private bool TryTake(ReadOnlySpan<byte> from, ref int place, Span<byte> digits, ref int count)
    {
        foreach (var digit in from)
        {
            if (digit is < (byte)'0' or > (byte)'9' || (place < 0 && digit != '0') || (count == _precision && place >= 0))
                return false;
            if (place-- >= 0 && (count > 0 || digit != '0'))
                digits[count++] = digit;
        }
        return true;
    }

    private static void Write(BigInteger value, IBufferWriter<byte> output)
    {
        var bytes = output.GetSpan(Size)[..Size];
        bytes.Fill(value.Sign < 0 ? (byte)0xFF : (byte)0);
        value.TryWriteBytes(bytes, out _);
        output.Advance(Size);
    }
}

/// <summary>The text of a number with all its digits. JSON may write an exponent; PostgreSQL never does.</summary>
internal static class DecimalText
{
    public static bool TryRead(ReadOnlySpan<byte> text, out Parts parts)
    {
        parts = default;
        var isNegative = text is [(byte)'-', ..];
        if (isNegative || text is [(byte)'+', ..])
            text = text[1..];

        var exponent = 0;
        var e = text.IndexOfAny((byte)'e', (byte)'E');
        if (e >= 0)
        {
            if (!int.TryParse(text[(e + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent)
                || exponent is < -1000 or > 1000)
                return false;
            text = text[..e];
        }

        var point = text.IndexOf((byte)'.');
        parts = new Parts
        {
            IsNegative = isNegative,
            Whole = point < 0 ? text : text[..point],
            Fraction = point < 0 ? default : text[(point + 1)..],
            Exponent = exponent,
        };
        return !parts.Whole.IsEmpty || !parts.Fraction.IsEmpty;
    }

    /// <summary>A number without zeros at its end.</summary>
    /// <param name="digits">The number times 10 to the <paramref name="scale"/>.</param>
    /// <param name="scale">How many of them stand behind the point.</param>
    public static string Write(string digits, int scale)
    {
        if (scale == 0)
            return digits;

        var sign = digits.StartsWith('-') ? "-" : "";
        digits = digits[sign.Length..].PadLeft(scale + 1, '0');
        return sign + $"{digits[..^scale]}.{digits[^scale..]}".TrimEnd('0').TrimEnd('.');
    }

    internal ref struct Parts
    {
        public bool IsNegative;
        public ReadOnlySpan<byte> Whole;
        public ReadOnlySpan<byte> Fraction;
        public int Exponent;
    }
}
