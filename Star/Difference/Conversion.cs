using System.Globalization;
using System.Text.RegularExpressions;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Types;

namespace AspireCdc.Star.Difference;

/// <summary>From one type to another in ClickHouse.</summary>
internal static partial class Conversion
{
    private static readonly string[] Integers = ["Int16", "Int32", "Int64"];

    /// <summary>Whether each value of one type has its equal in the other, so that a column can be changed in its place.</summary>
    public static bool IsWider(ColumnType from, ColumnType to)
    {
        if (from.TakesNull && !to.TakesNull)
            return false;

        var (before, after) = (from.WithoutNull().Name, to.WithoutNull().Name);
        if (before == after || (IsText(before) && IsText(after)))
            return true;
        if (Array.IndexOf(Integers, before) is >= 0 and var small && Array.IndexOf(Integers, after) is >= 0 and var large)
            return large >= small;
        if (Digits(before) is { } old && Digits(after) is { } digits)
            return digits.Scale >= old.Scale && digits.Precision - digits.Scale >= old.Precision - old.Scale;
        return (before, after) is ("Float32", "Float64") or ("UInt32", "Int64");
    }

    /// <summary>
    /// A value as another type, or that type's default if it has no equal there: the processor's copy brings the right one.
    /// </summary>
    public static string Lenient(string value, ColumnType to)
    {
        var name = to.WithoutNull().Name;
        if (IsText(name))
            return $"toString({value})";
        return to.TakesNull ? $"accurateCastOrNull({value}, {ClickHouseSql.Quote(name)})" : $"accurateCastOrDefault({value}, {ClickHouseSql.Quote(name)})";
    }

    private static bool IsText(string name) => name is "String" or "LowCardinality(String)";

    private static (int Precision, int Scale)? Digits(string name) => Decimal().Match(name) is { Success: true } match
        ? (int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture), int.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture))
        : null;

    [GeneratedRegex(@"^Decimal\((\d+), (\d+)\)$")]
    private static partial Regex Decimal();
}
