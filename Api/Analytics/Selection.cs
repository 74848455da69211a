using System.Globalization;
using AspireCdc.Api.Resources;

namespace AspireCdc.Api.Analytics;

/// <summary>Which orders are asked about, and how many rows are wanted.</summary>
/// <param name="From">No order before this moment, in UTC.</param>
/// <param name="To">Only orders before this moment, in UTC.</param>
/// <param name="Limit">The most rows that are answered.</param>
internal sealed record Selection(DateTime From, DateTime To, int Limit)
{
    public const int MaxLimit = 1000, DefaultLimit = 100;

    private const string DateFormat = "yyyy-MM-dd";

    /// <summary>Where ClickHouse's <c>DateTime64</c> begins and ends.</summary>
    private static readonly DateTime
        First = new(1900, 1, 1, 0, 0, 0, DateTimeKind.Utc),
        End = new(2299, 12, 31, 0, 0, 0, DateTimeKind.Utc);

    private static readonly string[] TimeFormats = ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFK", "yyyy-MM-dd'T'HH:mmK"];

    /// <summary>All orders, or those from a moment on.</summary>
    public static Selection Since(DateTime? from, int limit) => new(from ?? First, End, limit);

    /// <summary>
    /// Reads a request's parameters. Where <paramref name="from"/> is absent, it is <paramref name="span"/> before the end, or the
    /// beginning of all.
    /// </summary>
    /// <exception cref="Errors.ProblemException">422, with every parameter that is wrong.</exception>
    public static Selection Parse(string? from, string? to, string? limit, TimeProvider time, TimeSpan? span = null)
    {
        var errors = new FieldErrors();
        var end = Read("to", to) ?? (span is null ? End : time.GetUtcNow().UtcDateTime);
        var begin = Read("from", from) ?? (span is { } length && end > First + length ? end - length : First);
        var rows = limit is null ? DefaultLimit : errors.ReadInteger("limit", limit, 1, MaxLimit);
        errors.ThrowIfAny();
        if (begin >= end)
            errors.Add("from", "must be before to");
        errors.ThrowIfAny();
        return new Selection(begin, end, rows!.Value);

        DateTime? Read(string name, string? text)
        {
            if (text is null)
                return null;
            if (Parse(text) is { } moment && moment >= First && moment <= End)
                return moment;
            errors.Add(name, $"must be a day such as 2026-01-31 or a time such as 2026-01-31T12:00:00Z, from {First.Year} to {End.Year}");
            return null;
        }
    }

    private static DateTime? Parse(string text)
    {
        if (DateOnly.TryParseExact(text, DateFormat, CultureInfo.InvariantCulture, DateTimeStyles.None, out var day))
            return day.ToDateTime(default, DateTimeKind.Utc);
        return DateTimeOffset.TryParseExact(text, TimeFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time.UtcDateTime : null;
    }
}
