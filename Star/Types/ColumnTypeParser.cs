using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace AspireCdc.Star.Types;

/// <summary>Reads the names of types as ClickHouse writes them.</summary>
internal static class ColumnTypeParser
{
    /// <summary>The type of this name, if values can be written to it.</summary>
    public static bool TryParse(string name, [NotNullWhen(true)] out ColumnType? type)
    {
        type = name switch
        {
            "Bool" => ColumnType.Boolean,
            "Int16" => ColumnType.Int16,
            "Int32" => ColumnType.Int32,
            "Int64" => ColumnType.Int64,
            "Float64" => ColumnType.Float64,
            "String" => ColumnType.String,
            "LowCardinality(String)" => ColumnType.Category,
            "UUID" => ColumnType.Uuid,
            "Date32" => ColumnType.Date,
            "DateTime64(6, 'UTC')" => ColumnType.Timestamp,
            _ when Argument(name, "Nullable") is { } inner && TryParse(inner, out var known) => ColumnType.Nullable(known),
            _ when Argument(name, "Decimal") is { } digits && digits.Split(", ") is [var precision, var scale]
                && int.TryParse(precision, NumberStyles.None, CultureInfo.InvariantCulture, out var p) && int.TryParse(scale, NumberStyles.None, CultureInfo.InvariantCulture, out var s)
                && p is >= 1 and <= 38 && s <= p => ColumnType.Decimal(p, s),
            _ => null,
        };
        return type is not null;
    }

    private static string? Argument(string name, string of) =>
        name.StartsWith(of + "(", StringComparison.Ordinal) && name.EndsWith(')') ? name[(of.Length + 1)..^1] : null;
}
