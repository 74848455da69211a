using System.Text.RegularExpressions;

namespace AspireCdc.EmbeddedClickHouse.Sql;

/// <summary>What the engine makes of the text of a name.</summary>
internal static partial class EngineNames
{
    /// <summary>
    /// A quoted name's own text (<c>parseComplexEscapeSequence</c>), as far as an escape has a meaning that matters in a name or a path.
    /// </summary>
    public static string Unquoted(string text) => Escape.Replace(text.Trim('`', '"', '“', '”', '\''), match =>
        match.Groups["code"] is { Success: true, Value: var code } ? ((char)Convert.ToByte(code, 16)).ToString() : match.Value[1..]);

    /// <summary>Words in a file's name of which the engine takes one: <c>{a,b}</c>; nothing in them leads elsewhere.</summary>
    [GeneratedRegex("\\{[A-Za-z0-9,-]*\\}")]
    public static partial Regex Braces { get; }

    [GeneratedRegex("""\\(x(?<code>[0-9A-Fa-f]{2})|[\\'"`/=])""")]
    private static partial Regex Escape { get; }
}
