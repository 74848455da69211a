using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;

namespace AspireCdc.Star.Types;

/// <summary>
/// A <c>timestamptz</c>, or a <c>timestamp</c> with its digits as written. <c>±infinity</c> is the end of the server's range; what lies
/// beyond is refused.
/// </summary>
internal sealed class TimestampType(DateRange range) : ColumnType("DateTime64(6, 'UTC')")
{
    private const long MicrosecondsPerDay = 86_400_000_000;
    private readonly long _first = range.FirstMicrosecond;
    private readonly long _last = range.LastMicrosecond;

    public override ColumnType Within(DateRange range) => new TimestampType(range);

    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (!TryRead(text, out var microseconds))
            return false;

        Write(microseconds, output);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output) => Write(0, output);

    /// <summary>As PostgreSQL writes it, in UTC and without saying so.</summary>
    public override string Canonical(ReadOnlySpan<byte> text)
    {
        if (!TryRead(text, out var microseconds))
            return base.Canonical(text);

        var day = Math.DivRem(microseconds, MicrosecondsPerDay, out var time);
        if (time < 0)
            (day, time) = (day - 1, time + MicrosecondsPerDay);
        return $"{DateText.Write(day)} {DateText.WriteTime(time)}{(day < DateText.DaysOf(1, 1, 1) ? DateText.BeforeChrist : "")}";
    }

    public override string Literal(ReadOnlySpan<byte> text) => TryRead(text, out var microseconds)
        ? string.Create(CultureInfo.InvariantCulture, $"fromUnixTimestamp64Micro({microseconds}, 'UTC')")
        : base.Literal(text);

    private bool TryRead(ReadOnlySpan<byte> text, out long microseconds)
    {
        if (DateText.IsInfinity(text, out var isNegative))
            microseconds = isNegative ? _first : _last;
        else if (!TryParse(text, out microseconds))
            return false;
        return microseconds >= _first && microseconds <= _last;
    }

    /// <summary>
    /// Reads <c>2026-01-02 03:04:05.678901+00</c> (also with minutes and seconds of offset, or <c> BC</c>) and RFC 3339; without an
    /// offset it is UTC.
    /// </summary>
    private static bool TryParse(ReadOnlySpan<byte> text, out long microseconds)
    {
        microseconds = 0;
        var isBeforeChrist = DateText.TryTakeBeforeChrist(ref text);
        if (!DateText.TryTakeDate(ref text, isBeforeChrist, out var days)
            || text is not [(byte)' ' or (byte)'T' or (byte)'t', ..])
            return false;

        text = text[1..];
        if (!DateText.TryTakeTime(ref text, out var time)
            || !TryTakeOffset(ref text, out var offset)
            || !text.IsEmpty)
            return false;

        microseconds = (days * MicrosecondsPerDay) + time - (offset * 1_000_000L);
        return true;
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

/// <summary>A <c>date</c>. <c>±infinity</c> is the end of the server's range; what lies beyond is refused.</summary>
internal sealed class DateType(DateRange range) : ColumnType("Date32")
{
    public override ColumnType Within(DateRange range) => new DateType(range);

    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (!TryRead(text, out var days))
            return false;

        Write(days, output);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output) => Write(0, output);

    public override string Canonical(ReadOnlySpan<byte> text) => TryRead(text, out var days)
        ? DateText.Write(days) + (days < DateText.DaysOf(1, 1, 1) ? DateText.BeforeChrist : "")
        : base.Canonical(text);

    /// <summary>Reckoned from 1970: ClickHouse reads the text of a date outside of 1900 to 2299 as the nearest of these.</summary>
    public override string Literal(ReadOnlySpan<byte> text) =>
        TryRead(text, out var days) ? string.Create(CultureInfo.InvariantCulture, $"addDays(toDate32(0), {days})") : base.Literal(text);

    private bool TryRead(ReadOnlySpan<byte> text, out int days)
    {
        if (DateText.IsInfinity(text, out var isNegative))
        {
            days = isNegative ? range.FirstDay : range.LastDay;
            return true;
        }

        days = 0;
        var isBeforeChrist = DateText.TryTakeBeforeChrist(ref text);
        if (!DateText.TryTakeDate(ref text, isBeforeChrist, out var found) || !IsMidnight(text)
            || found < range.FirstDay || found > range.LastDay)
            return false;
        days = (int)found;
        return true;
    }

    /// <summary>Programs whose language has no dates write them as times (<c>2026-01-02T00:00:00Z</c>).</summary>
    private static bool IsMidnight(ReadOnlySpan<byte> rest) =>
        rest.IsEmpty || rest.SequenceEqual("T00:00:00Z"u8) || rest.SequenceEqual("T00:00:00+00:00"u8);

    private static void Write(int days, IBufferWriter<byte> output)
    {
        BinaryPrimitives.WriteInt32LittleEndian(output.GetSpan(4), days);
        output.Advance(4);
    }
}

/// <summary>A <c>time</c>, 24:00:00 included.</summary>
internal sealed class TimeType() : ColumnType("Time64(6)")
{
    private const long Last = 86_400_000_000;

    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (!TryRead(text, out var microseconds))
            return false;

        Write(microseconds, output);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output) => Write(0, output);

    public override string Canonical(ReadOnlySpan<byte> text) =>
        TryRead(text, out var microseconds) ? DateText.WriteTime(microseconds) : base.Canonical(text);

    private static bool TryRead(ReadOnlySpan<byte> text, out long microseconds) =>
        DateText.TryTakeTime(ref text, out microseconds) && text.IsEmpty && microseconds <= Last;

    private static void Write(long microseconds, IBufferWriter<byte> output)
    {
        BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(8), microseconds);
        output.Advance(8);
    }
}
