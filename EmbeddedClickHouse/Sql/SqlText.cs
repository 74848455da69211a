using System.Text;

namespace AspireCdc.EmbeddedClickHouse.Sql;

/// <summary>Writes names and strings as ClickHouse's SQL has them.</summary>
internal static class SqlText
{
    public static string QuoteIdentifier(string name) => Quote(name, '`');

    public static string QuoteString(string text) => Quote(text, '\'');

    private static string Quote(string text, char quote)
    {
        var quoted = new StringBuilder(text.Length + 2).Append(quote);
        foreach (var c in text)
        {
            if (c == quote || c == '\\')
                quoted.Append('\\');
            quoted.Append(c == '\0' ? "\\0" : c.ToString());
        }

        return quoted.Append(quote).ToString();
    }
}
