using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// A table's columns as they are compared: the bytes that land, but for JSON, which ClickHouse keeps by its paths: there it is the text
/// that ClickHouse itself writes of it, on both sides.
/// </summary>
internal static class ShownColumns
{
    /// <summary>Strings in JSON that look like times stay strings, as where rows land.</summary>
    public const string JsonSettings = "input_format_try_infer_dates = 0, input_format_try_infer_datetimes = 0";

    /// <summary>Selects a row as one string, out of ClickHouse's table.</summary>
    public static string Row(TableMapping table) =>
        Row(table.Columns.Select(column => column.Type.HoldsJson ? $"toJSONString({Name(column)})" : Name(column)));

    /// <summary>The same out of a table of rows that would land.</summary>
    public static string LandingRow(TableMapping table) => Row(table.Columns.Select(column =>
        column.Type.HoldsJson ? $"toJSONString(CAST({Name(column)}, {ClickHouseSql.Quote(column.Type.Name)}))" : Name(column)));

    /// <summary>The columns of such a table: JSON travels as its text.</summary>
    public static string Structure(TableMapping table) =>
        string.Join(
            ", ", table.Columns.Select(column => $"{Name(column)} {column.Type.Name.Replace("JSON", "String", StringComparison.Ordinal)}"));

    /// <summary>It has JSON, whose text in PostgreSQL is not ClickHouse's.</summary>
    public static bool HasJson(TableMapping table) => table.Columns.Any(column => column.Type.HoldsJson);

    private static string Name(ColumnMapping column) => ClickHouseSql.Name(column.Landing);

    /// <summary>Expressions as one value, which has the bytes that RowBinary has for them.</summary>
    private static string Row(IEnumerable<string> columns) => $"formatRow('RowBinary', {string.Join(", ", columns)})";
}
