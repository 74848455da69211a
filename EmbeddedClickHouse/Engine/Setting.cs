using AspireCdc.EmbeddedClickHouse.Sql;

namespace AspireCdc.EmbeddedClickHouse.Engine;

/// <summary>A setting of ClickHouse that a request asks for.</summary>
internal readonly record struct Setting(string Name, string Value)
{
    public static string SetStatement(IEnumerable<Setting> settings) =>
        "SET " + string.Join(
            ", ", settings.Select(setting => $"{SqlText.QuoteIdentifier(setting.Name)} = {SqlText.QuoteString(setting.Value)}"));

    /// <summary>Connections with the same key are interchangeable.</summary>
    public static string Key(string database, IReadOnlyList<Setting> settings) =>
        settings.Count == 0 ? database : database + "\n" + SetStatement(settings);
}
