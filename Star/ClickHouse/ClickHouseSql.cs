namespace AspireCdc.Star.ClickHouse;

/// <summary>How text stands in a statement of ClickHouse's.</summary>
internal static class ClickHouseSql
{
    /// <summary>A string literal.</summary>
    public static string Quote(string text) => $"'{text.Replace("\\", "\\\\").Replace("'", "\\'")}'";

    /// <summary>An identifier.</summary>
    public static string Name(string name) => $"`{name.Replace("\\", "\\\\").Replace("`", "\\`")}`";

    /// <summary>Several identifiers, separated by commas.</summary>
    public static string Names(IEnumerable<string> names) => string.Join(", ", names.Select(Name));

    /// <summary>Several identifiers as one value: a tuple, or the only one by itself.</summary>
    public static string Tuple(IEnumerable<string> names) => names.Skip(1).Any() ? $"({Names(names)})" : Names(names);
}
