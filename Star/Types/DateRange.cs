namespace AspireCdc.Star.Types;

/// <summary>The years that a server holds in <c>Date32</c> and <c>DateTime64(6)</c>, both ends included; the year before 1 is 0.</summary>
/// <param name="FirstYear">The first year.</param>
/// <param name="LastYear">The last year.</param>
internal sealed record DateRange(int FirstYear, int LastYear)
{
    private const long MicrosecondsPerDay = 86_400_000_000;

    /// <summary>ClickHouse 26.7.</summary>
    public static DateRange Widest { get; } = new(0, 9999);

    /// <summary>Servers before that, whatever a date is computed from.</summary>
    public static DateRange Narrowest { get; } = new(1900, 2299);

    /// <summary>
    /// Selects one row of one text: equal to <see cref="Answer"/> if the server holds the years of <see cref="Widest"/>, and prints them
    /// as they are.
    /// </summary>
    /// <remarks>Reckoned from 1970, since the text of a date outside of 1900 to 2299 is read as the nearest of these, in every
    /// version.</remarks>
    public const string Question =
        """
        SELECT concat(toString(addDays(toDate32(0), -719528)), ' ', toString(addDays(toDate32(0), 2932896)), ' ',
            toString(fromUnixTimestamp64Micro(-62167219200000000, 'UTC')), ' ',
            toString(fromUnixTimestamp64Micro(253402300799999999, 'UTC')))
        """;

    /// <summary>See <see cref="Question"/>.</summary>
    public const string Answer = "0000-01-01 9999-12-31 0000-01-01 00:00:00.000000 9999-12-31 23:59:59.999999";

    /// <summary>The first day, counted from 1970.</summary>
    public int FirstDay { get; } = (int)DateText.DaysOf(FirstYear, 1, 1);

    /// <summary>The last day.</summary>
    public int LastDay { get; } = (int)DateText.DaysOf(LastYear, 12, 31);

    /// <summary>The first microsecond, counted from 1970 (UTC).</summary>
    public long FirstMicrosecond => FirstDay * MicrosecondsPerDay;

    /// <summary>The last microsecond.</summary>
    public long LastMicrosecond => ((LastDay + 1) * MicrosecondsPerDay) - 1;
}
