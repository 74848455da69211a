using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;

namespace AspireCdc.Star.Types;

/// <summary>A <c>timestamptz</c>. ClickHouse keeps years 1900 to 2299; what lies outside, and infinity, is refused.</summary>
internal sealed class TimestampType() : ColumnType("DateTime64(6, 'UTC')")
{
    private const long MicrosecondsPerDay = 86_400_000_000;
    private static readonly long First = (long)(new DateTime(1900, 1, 1) - DateTime.UnixEpoch).TotalMicroseconds;
    private static readonly long Last = ((long)(new DateTime(2300, 1, 1) - DateTime.UnixEpoch).TotalMicroseconds) - 1;

    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (!TryParse(text, out var microseconds) || microseconds < First || microseconds > Last)
            return false;

        Write(microseconds, output);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output) => Write(0, output);

    public override string Literal(ReadOnlySpan<byte> text) => TryParse(text, out var microseconds)
        ? string.Create(CultureInfo.InvariantCulture, $"fromUnixTimestamp64Micro({microseconds}, 'UTC')")
        : base.Literal(text);

    /// <summary>Reads <c>2026-01-02 03:04:05.678901+00</c> (also with minutes and seconds of offset) and RFC 3339; without an offset it is UTC.</summary>
    internal static bool TryParse(ReadOnlySpan<byte> text, out long microseconds)
    {
        microseconds = 0;
        if (!DateText.TryTakeDate(ref text, out var days)
            || text is not [(byte)' ' or (byte)'T' or (byte)'t', ..])
            return false;

        text = text[1..];
        if (!DateText.TryTakeTwoDigits(ref text, out var hours) || !DateText.TryTake(ref text, ':')
            || !DateText.TryTakeTwoDigits(ref text, out var minutes) || !DateText.TryTake(ref text, ':')
            || !DateText.TryTakeTwoDigits(ref text, out var seconds)
            || hours > 24 || minutes > 59 || seconds > 60
            || !TryTakeFraction(ref text, out var fraction)
            || !TryTakeOffset(ref text, out var offset)
            || !text.IsEmpty)
            return false;

        microseconds = (days * MicrosecondsPerDay) + (((((hours * 60L) + minutes) * 60) + seconds - offset) * 1_000_000) + fraction;
        return true;
    }

    private static bool TryTakeFraction(ref ReadOnlySpan<byte> text, out int microseconds)
    {
        microseconds = 0;
        if (!DateText.TryTake(ref text, '.'))
            return true;

        var digits = 0;
        for (; text is [>= (byte)'0' and <= (byte)'9', ..]; text = text[1..], digits++)
        {
            var digit = text[0] - '0';
            if (digits < 6)
                microseconds = (microseconds * 10) + digit;
            else if (digit != 0)
                return false;
        }

        for (var i = digits; i < 6; i++)
            microseconds *= 10;
        return digits > 0;
    }

    private static bool TryTakeOffset(ref ReadOnlySpan<byte> text, out int seconds)
    {
        seconds = 0;
        if (text.IsEmpty || DateText.TryTake(ref text, 'Z') || DateText.TryTake(ref text, 'z'))
            return true;

        var west = DateText.TryTake(ref text, '-');
        if ((!west && !DateText.TryTake(ref text, '+')) || !DateText.TryTakeTwoDigits(ref text, out var part))
            return false;

        seconds = part * 3600;
        for (var unit = 60; unit > 0 && DateText.TryTake(ref text, ':'); unit /= 60)
        {
            if (!DateText.TryTakeTwoDigits(ref text, out part))
                return false;
            seconds += part * unit;
        }

        if (west)
            seconds = -seconds;
        return true;
    }

    private static void Write(long microseconds, IBufferWriter<byte> output)
    {
        BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(8), microseconds);
        output.Advance(8);
    }
}

/// <summary>A <c>date</c>, of years 1900 to 2299.</summary>
internal sealed class DateType() : ColumnType("Date32")
{
    private static readonly long First = (new DateTime(1900, 1, 1) - DateTime.UnixEpoch).Days;
    private static readonly long Last = (new DateTime(2299, 12, 31) - DateTime.UnixEpoch).Days;

    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (!DateText.TryTakeDate(ref text, out var days) || !text.IsEmpty || days < First || days > Last)
            return false;

        Write((int)days, output);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output) => Write(0, output);

    private static void Write(int days, IBufferWriter<byte> output)
    {
        BinaryPrimitives.WriteInt32LittleEndian(output.GetSpan(4), days);
        output.Advance(4);
    }
}

internal static class DateText
{
    /// <summary>Takes <c>2026-01-02</c> off the front, as days since 1970. Years that .NET does not know are refused.</summary>
    public static bool TryTakeDate(ref ReadOnlySpan<byte> text, out long days)
    {
        days = 0;
        if (!TryTakeTwoDigits(ref text, out var century) || !TryTakeTwoDigits(ref text, out var year) || !TryTake(ref text, '-')
            || !TryTakeTwoDigits(ref text, out var month) || !TryTake(ref text, '-')
            || !TryTakeTwoDigits(ref text, out var day))
            return false;

        year += century * 100;
        if (year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month))
            return false;

        days = (new DateTime(year, month, day) - DateTime.UnixEpoch).Days;
        return true;
    }

    public static bool TryTakeTwoDigits(ref ReadOnlySpan<byte> text, out int value)
    {
        value = 0;
        if (text.Length < 2 || !char.IsAsciiDigit((char)text[0]) || !char.IsAsciiDigit((char)text[1]))
            return false;

        value = ((text[0] - '0') * 10) + text[1] - '0';
        text = text[2..];
        return true;
    }

    public static bool TryTake(ref ReadOnlySpan<byte> text, char character)
    {
        if (text.IsEmpty || text[0] != character)
            return false;

        text = text[1..];
        return true;
    }
}
