using System.Globalization;

namespace AspireCdc.Star.Types;

/// <summary>
/// Dates and times of day as text. The calendar is PostgreSQL's and ClickHouse's: today's in every year, and the year before 1 is 0.
/// </summary>
internal static class DateText
{
    /// <summary>What PostgreSQL writes behind a year before 1.</summary>
    public const string BeforeChrist = " BC";

    /// <summary>The days from 1970 to a date that there is.</summary>
    public static long DaysOf(int year, int month, int day)
    {
        // Years are counted from March, so that the leap day is the last of its year; 400 of them have 146,097 days.
        var shifted = month > 2 ? year : year - 1;
        var era = Math.DivRem(shifted, 400, out var ofEra);
        if (ofEra < 0)
            (era, ofEra) = (era - 1, ofEra + 400);
        var ofYear = (((153 * (month > 2 ? month - 3 : month + 9)) + 2) / 5) + day - 1;
        return (era * 146_097L) + (ofEra * 365) + (ofEra / 4) - (ofEra / 100) + ofYear - 719_468;
    }

    /// <summary>A date as PostgreSQL writes it, less <see cref="BeforeChrist"/>.</summary>
    public static string Write(long days)
    {
        var shifted = days + 719_468;
        var era = Math.DivRem(shifted, 146_097, out var ofEra);
        if (ofEra < 0)
            (era, ofEra) = (era - 1, ofEra + 146_097);
        var yearOfEra = (ofEra - (ofEra / 1_460) + (ofEra / 36_524) - (ofEra / 146_096)) / 365;
        var ofYear = ofEra - ((365 * yearOfEra) + (yearOfEra / 4) - (yearOfEra / 100));
        var month = ((5 * ofYear) + 2) / 153;
        var day = ofYear - (((153 * month) + 2) / 5) + 1;
        month = month < 10 ? month + 3 : month - 9;
        var year = yearOfEra + (era * 400) + (month <= 2 ? 1 : 0);
        return string.Create(CultureInfo.InvariantCulture, $"{(year > 0 ? year : 1 - year):0000}-{month:00}-{day:00}");
    }

    /// <summary>A time of day in microseconds as PostgreSQL writes it.</summary>
    public static string WriteTime(long microseconds)
    {
        var seconds = Math.DivRem(microseconds, 1_000_000, out var fraction);
        var text = string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:00}:{seconds / 60 % 60:00}:{seconds % 60:00}");
        return fraction == 0 ? text : $"{text}.{fraction.ToString("000000", CultureInfo.InvariantCulture).TrimEnd('0')}";
    }

    public static bool IsInfinity(ReadOnlySpan<byte> text, out bool isNegative)
    {
        isNegative = text is [(byte)'-', ..];
        return (isNegative ? text[1..] : text).SequenceEqual("infinity"u8);
    }

    /// <summary>Takes <see cref="BeforeChrist"/> off the end.</summary>
    public static bool TryTakeBeforeChrist(ref ReadOnlySpan<byte> text)
    {
        if (!text.EndsWith(" BC"u8))
            return false;

        text = text[..^3];
        return true;
    }

    /// <summary>
    /// Takes <c>2026-01-02</c> off the front, as days since 1970. Years of more than four digits are refused: no server holds them.
    /// </summary>
    public static bool TryTakeDate(ref ReadOnlySpan<byte> text, bool isBeforeChrist, out long days)
    {
        days = 0;
        if (!TryTakeTwoDigits(ref text, out var century) || !TryTakeTwoDigits(ref text, out var year) || !TryTake(ref text, '-')
            || !TryTakeTwoDigits(ref text, out var month) || !TryTake(ref text, '-')
            || !TryTakeTwoDigits(ref text, out var day))
            return false;

        year += century * 100;
        if (isBeforeChrist)
            year = 1 - year;
        if (month is < 1 or > 12 || day < 1 || day > DaysIn(year, month))
            return false;

        days = DaysOf(year, month, day);
        return true;
    }

    /// <summary>Takes <c>03:04:05.678901</c> off the front, as microseconds. More digits are refused unless they are zeros.</summary>
    public static bool TryTakeTime(ref ReadOnlySpan<byte> text, out long microseconds)
    {
        microseconds = 0;
        if (!TryTakeTwoDigits(ref text, out var hours) || !TryTake(ref text, ':')
            || !TryTakeTwoDigits(ref text, out var minutes) || !TryTake(ref text, ':')
            || !TryTakeTwoDigits(ref text, out var seconds)
            || hours > 24 || minutes > 59 || seconds > 60
            || !TryTakeFraction(ref text, out var fraction))
            return false;

        microseconds = (((((hours * 60L) + minutes) * 60) + seconds) * 1_000_000) + fraction;
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

    private static bool TryTakeFraction(ref ReadOnlySpan<byte> text, out int microseconds)
    {
        microseconds = 0;
        if (!TryTake(ref text, '.'))
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

    private static int DaysIn(int year, int month) => month switch
    {
        2 => year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28,
        4 or 6 or 9 or 11 => 30,
        _ => 31,
    };
}
