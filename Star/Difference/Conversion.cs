using System.Globalization;
using System.Text.RegularExpressions;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Types;

namespace AspireCdc.Star.Difference;

/// <summary>From one type to another in ClickHouse.</summary>
internal static partial class Conversion
{
    /// <summary>Whether each value of one type has its equal in the other, so that a column can be changed in its place.</summary>
    public static bool IsWider(ColumnType from, ColumnType to)
    {
        if (from.TakesNull && !to.TakesNull)
            return false;

        var (before, after) = (from.WithoutNull().Name, to.WithoutNull().Name);
        if (before == after || (IsText(before) && IsText(after)))
            return true;
        // One bit more is wanted for the sign.
        if (Bits(before) is { } small && Bits(after) is { } large)
            return small.IsSigned ? large.IsSigned && large.Count >= small.Count : large.Count >= small.Count + (large.IsSigned ? 1 : 0);
        if (Digits(before) is { } old && Digits(after) is { } digits)
            return digits.Scale >= old.Scale && digits.Precision - digits.Scale >= old.Precision - old.Scale;
        return (before, after) is ("Float32", "Float64");
    }

    /// <summary>
    /// A value as another type, or that type's default if it has no equal there: the processor's copy brings the right one.
    /// </summary>
    public static string Lenient(string value, ColumnType to)
    {
        var name = to.WithoutNull().Name;
        if (IsText(name))
            return $"toString({value})";
        // What casts leniently makes NULL of what it cannot cast, and an array or a map takes none.
        if (to.NullIsDefault)
            return $"defaultValueOfTypeName({ClickHouseSql.Quote(name)})";
        return to.TakesNull
            ? $"accurateCastOrNull({value}, {ClickHouseSql.Quote(name)})"
            : $"accurateCastOrDefault({value}, {ClickHouseSql.Quote(name)})";
    }

    private static bool IsText(string name) => name is "String" or "LowCardinality(String)";

    private static (bool IsSigned, int Count)? Bits(string name) => Integer().Match(name) is { Success: true } match
        ? (!match.Groups[1].Success, int.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture))
        : null;

    private static (int Precision, int Scale)? Digits(string name) => Decimal().Match(name) is { Success: true } match
        ? (int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture),
            int.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture))
        : null;

    [GeneratedRegex(@"^(U)?Int(\d+)$")]
    private static partial Regex Integer();

    [GeneratedRegex(@"^Decimal\((\d+), (\d+)\)$")]
    private static partial Regex Decimal();
}
