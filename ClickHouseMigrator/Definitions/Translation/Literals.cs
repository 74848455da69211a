using System.Globalization;
using System.Numerics;
using AspireCdc.Star.ClickHouse;

namespace AspireCdc.ClickHouseMigrator.Definitions.Translation;

/// <summary>Constants as ClickHouse writes them.</summary>
internal static class Literals
{
    /// <summary>The constant, or null if its type has no literal.</summary>
    public static Value? Of(object? value, Type type)
    {
        var clr = ClrTypes.Bare(type);
        if (value is null)
            return new Value("NULL", clr, "it is null") { IsConstant = true, Span = ClrTypes.IsExact(clr) ? new Span(0, 0) : null };
        if (Text(value) is not { } sql)
            return null;
        return new Value(sql, clr, null) { Constant = value, IsConstant = true, Span = SpanOf(value) };
    }

    private static string? Text(object value) => value switch
    {
        string text => ClickHouseSql.Quote(text),
        bool flag => flag ? "true" : "false",
        short or int or long or uint or byte => Convert.ToString(value, CultureInfo.InvariantCulture),
        decimal number => Decimal(number),
        double number when double.IsFinite(number) =>
            $"toFloat64({ClickHouseSql.Quote(number.ToString("R", CultureInfo.InvariantCulture))})",
        float number when float.IsFinite(number) => $"toFloat32({ClickHouseSql.Quote(number.ToString("R", CultureInfo.InvariantCulture))})",
        Guid id => $"toUUID('{id}')",
        DateTime time => Time(time.Kind == DateTimeKind.Local ? time.ToUniversalTime() : time),
        DateTimeOffset time => Time(time.UtcDateTime),
        DateOnly date => $"CAST({date.DayNumber - DateOnly.FromDateTime(DateTime.UnixEpoch).DayNumber}, 'Date32')",
        _ => null,
    };

    private static string Decimal(decimal number) =>
        $"CAST('{number.ToString(CultureInfo.InvariantCulture)}', 'Decimal({Math.Max(SpanOf(number)!.Digits, 1)}, {number.Scale})')";

    private static string Time(DateTime time) =>
        string.Create(
            CultureInfo.InvariantCulture, $"fromUnixTimestamp64Micro({(long)(time - DateTime.UnixEpoch).TotalMicroseconds}, 'UTC')");

    private static Span? SpanOf(object value) => value switch
    {
        decimal number => new Span(Unscaled(number), number.Scale),
        short or int or long or uint or byte =>
            Span.Of(BigInteger.Abs(new BigInteger(Convert.ToDecimal(value, CultureInfo.InvariantCulture)))),
        _ => null,
    };

    private static BigInteger Unscaled(decimal number)
    {
        var bits = decimal.GetBits(number);
        return ((BigInteger)(uint)bits[2] << 64) | ((BigInteger)(uint)bits[1] << 32) | (uint)bits[0];
    }
}
