using AspireCdc.Star.Model;

namespace AspireCdc.Star.Postgres;

/// <summary>How text stands in a statement of PostgreSQL's, where no parameter may.</summary>
internal static class PostgresSql
{
    /// <summary>An identifier.</summary>
    public static string Name(string name) => $"\"{name.Replace("\"", "\"\"")}\"";

    /// <summary>A table with its schema.</summary>
    public static string Name(TableMapping table) => $"{Name(table.Schema)}.{Name(table.Name)}";

    /// <summary>A string literal, whatever <c>standard_conforming_strings</c> says.</summary>
    public static string Literal(string text) => $"E'{text.Replace("\\", "\\\\").Replace("'", "''")}'";
}
