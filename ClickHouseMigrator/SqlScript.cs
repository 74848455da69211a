namespace AspireCdc.ClickHouseMigrator;

/// <summary>A text of several statements, as ClickHouse's HTTP interface takes them one at a time.</summary>
internal static class SqlScript
{
    /// <summary>
    /// Splits at semicolons that stand outside of strings, quoted names and comments; parts without a statement are left out.
    /// </summary>
    public static IEnumerable<string> Split(string script)
    {
        var start = 0;
        var hasText = false;
        for (var at = 0; at < script.Length; at++)
        {
            switch (script[at])
            {
                case '\'' or '"' or '`':
                    hasText = true;
                    at = EndOfQuoted(script, at);
                    break;
                case '-' when Follows(script, at, "--"):
                    at = IndexOr(script, '\n', at);
                    break;
                case '/' when Follows(script, at, "/*"):
                    var end = script.IndexOf("*/", at + 2, StringComparison.Ordinal);
                    at = end < 0 ? script.Length : end + 1;
                    break;
                case ';':
                    if (hasText)
                        yield return script[start..at].Trim();
                    start = at + 1;
                    hasText = false;
                    break;
                case var other:
                    hasText |= !char.IsWhiteSpace(other);
                    break;
            }
        }
        if (hasText)
            yield return script[start..].Trim();
    }

    // ClickHouse escapes a quote by a backslash or by doubling it; a doubled one reads as two quoted parts side by side.
    private static int EndOfQuoted(string script, int start)
    {
        for (var at = start + 1; at < script.Length; at++)
        {
            if (script[at] == '\\')
                at++;
            else if (script[at] == script[start])
                return at;
        }
        return script.Length;
    }

    private static bool Follows(string script, int at, string text) => string.CompareOrdinal(script, at, text, 0, text.Length) == 0;

    private static int IndexOr(string script, char wanted, int from) =>
        script.IndexOf(wanted, from) is >= 0 and var at ? at : script.Length;
}
