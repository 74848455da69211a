using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;
using AspireCdc.Star.Types;

namespace AspireCdc.ClickHouseMigrator.Definitions.Translation;

/// <summary>.NET's types beside ClickHouse's.</summary>
internal static partial class ClrTypes
{
    private static readonly Dictionary<Type, (string Name, BigInteger Max)> IntegerTypes = new()
    {
        [typeof(short)] = ("Int16", short.MaxValue),
        [typeof(int)] = ("Int32", int.MaxValue),
        [typeof(long)] = ("Int64", long.MaxValue),
        [typeof(uint)] = ("UInt32", uint.MaxValue),
        [typeof(byte)] = ("Int16", byte.MaxValue),
    };

    /// <summary>The type without <see cref="Nullable{T}"/>.</summary>
    public static Type Bare(Type type) => Nullable.GetUnderlyingType(type) ?? type;

    /// <summary>It is an integer.</summary>
    public static bool IsInteger(Type type) => IntegerTypes.ContainsKey(type);

    /// <summary>It is an integer or decimal: computed exactly.</summary>
    public static bool IsExact(Type type) => IsInteger(type) || type == typeof(decimal);

    /// <summary>It is a floating-point number.</summary>
    public static bool IsFloat(Type type) => type == typeof(float) || type == typeof(double);

    /// <summary>All values of an integer type.</summary>
    public static Span SpanOf(Type type) => Span.Of(IntegerTypes[type].Max);

    /// <summary>The values of a ClickHouse type; null if they are no exact numbers.</summary>
    public static Span? SpanOf(ColumnType type) => type.WithoutNull().Name switch
    {
        "Int16" => Span.Of(short.MaxValue),
        "Int32" => Span.Of(int.MaxValue),
        "Int64" => Span.Of(long.MaxValue),
        "UInt32" => Span.Of(uint.MaxValue),
        "UInt64" => Span.Of(ulong.MaxValue),
        var name when Decimal().Match(name) is { Success: true } digits => Span.Of(Number(digits.Groups[1]), Number(digits.Groups[2])),
        _ => null,
    };

    /// <summary>ClickHouse's type for a value that is no column; null if there is none without more being said.</summary>
    public static string? NameOf(Type type) =>
        IntegerTypes.TryGetValue(type, out var integer) ? integer.Name
        : type == typeof(string) ? "String"
        : type == typeof(bool) ? "Bool"
        : type == typeof(double) ? "Float64"
        : type == typeof(float) ? "Float32"
        : type == typeof(DateTime) || type == typeof(DateTimeOffset) ? "DateTime64(6, 'UTC')"
        : type == typeof(DateOnly) ? "Date32"
        : type == typeof(Guid) ? "UUID"
        : type == typeof(TimeOnly) ? "Time64(6)"
        : null;

    /// <summary>Whether values of a ClickHouse type are values of the .NET type, for what reads the record.</summary>
    public static bool Fits(Type type, ColumnType column)
    {
        var name = column.WithoutNull().Name;
        if (type == typeof(string))
            return name is "String" or "LowCardinality(String)" or "JSON";
        if (type.IsEnum)
            return name is "String" or "LowCardinality(String)" or "Int16" or "Int32" or "Int64";
        if (type == typeof(decimal))
            return Decimal().IsMatch(name);
        if (type == typeof(byte[]))
            return name is "String" || name.StartsWith("Array(", StringComparison.Ordinal);
        if (type == typeof(TimeSpan))
            return name is "Time64(6)" or "String";
        if (type.IsArray || (type.IsGenericType && type != typeof(Nullable<>)))
            return name.StartsWith("Array(", StringComparison.Ordinal) || name.StartsWith("Map(", StringComparison.Ordinal)
                || name == "String";
        // What .NET has no word for is text: networks, documents, ranges.
        return NameOf(type) is { } known ? known == name : name is "String" or "LowCardinality(String)" or "JSON";
    }

    private static int Number(Group digits) => int.Parse(digits.ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^Decimal\((\d+), (\d+)\)$")]
    private static partial Regex Decimal();
}
