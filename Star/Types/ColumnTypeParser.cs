using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace AspireCdc.Star.Types;

/// <summary>Reads the names of types as ClickHouse writes them.</summary>
internal static class ColumnTypeParser
{
    /// <summary>The type of this name, if values can be written to it. Spaces may be missing.</summary>
    public static bool TryParse(string name, [NotNullWhen(true)] out ColumnType? type)
    {
        type = name.Trim() switch
        {
            "Bool" => ColumnType.Boolean,
            "Int8" => new IntegerType<sbyte>("Int8"),
            "Int16" => ColumnType.Int16,
            "Int32" => ColumnType.Int32,
            "Int64" => ColumnType.Int64,
            "UInt8" => new IntegerType<byte>("UInt8"),
            "UInt16" => new IntegerType<ushort>("UInt16"),
            "UInt32" => new IntegerType<uint>("UInt32"),
            "UInt64" => new IntegerType<ulong>("UInt64"),
            "Float32" => new Float32Type(),
            "Float64" => ColumnType.Float64,
            "String" => ColumnType.String,
            "UUID" => ColumnType.Uuid,
            "Date32" => ColumnType.Date,
            "DateTime64(6, 'UTC')" or "DateTime64(6,'UTC')" => ColumnType.Timestamp,
            "Time64(6)" => new TimeType(),
            "JSON" => new JsonType(),
            var other => Argument(other, "LowCardinality") is { } category ? CategoryOf(category)
                : Argument(other, "Nullable") is { } inner ? NullableOf(inner)
                : Argument(other, "Array") is { } element ? ArrayOf(element)
                : Argument(other, "Map") is { } pair ? MapOf(pair)
                : Argument(other, "Decimal") is { } digits ? DecimalOf(digits)
                : null,
        };
        return type is not null;
    }

    private static ColumnType? CategoryOf(string inner) => inner switch
    {
        "String" => ColumnType.Category,
        "Nullable(String)" => new NullableType("LowCardinality(Nullable(String))", ColumnType.String),
        _ => null,
    };

    /// <summary>Neither an array, a map nor a LowCardinality can be NULL.</summary>
    private static ColumnType? NullableOf(string inner) =>
        TryParse(inner, out var type) && !type.TakesNull && type is not (ArrayType or MapType) && type.Name != ColumnType.Category.Name
            ? ColumnType.Nullable(type)
            : null;

    private static ColumnType? ArrayOf(string element) =>
        TryParse(element, out var type) && type is not (ArrayType or MapType or JsonType) ? new ArrayType(type) : null;

    private static ColumnType? MapOf(string pair) =>
        pair.Split(',', StringSplitOptions.TrimEntries) is ["String", "Nullable(String)"] ? new MapType() : null;

    private static ColumnType? DecimalOf(string digits) => digits.Split(',', StringSplitOptions.TrimEntries) is [var precision, var scale]
        && int.TryParse(precision, NumberStyles.None, CultureInfo.InvariantCulture, out var p)
        && int.TryParse(scale, NumberStyles.None, CultureInfo.InvariantCulture, out var s)
        && p is >= 1 and <= WideDecimalType.MostDigits && s <= p ? ColumnType.Decimal(p, s) : null;

    private static string? Argument(string name, string of) =>
        name.StartsWith(of + "(", StringComparison.Ordinal) && name.EndsWith(')') ? name[(of.Length + 1)..^1].Trim() : null;
}
