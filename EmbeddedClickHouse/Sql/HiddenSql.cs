using System.Text;
using System.Text.RegularExpressions;
using AspireCdc.EmbeddedClickHouse.Engine;

namespace AspireCdc.EmbeddedClickHouse.Sql;

/// <summary>
/// Strings that are SQL to the engine: the columns of a table function, a dictionary's query. In them, too, <c>file()</c> would read each
/// file of this machine.
/// </summary>
internal static partial class HiddenSql
{
    /// <summary>What such SQL may not call: what reads files, and what would have to be looked at in its turn.</summary>
    private static readonly HashSet<string> Refused = new(StringComparer.OrdinalIgnoreCase)
    {
        "file", "eval", "format", "input", "generateRandom", "null",
    };

    /// <summary>Refuses a list of columns, should the text be one, that computes a column from a file.</summary>
    public static void CheckColumns(string text)
    {
        if (ComputedColumn.IsMatch(text))
            CheckQuery(text);
    }

    /// <summary>Refuses SQL that reads a file.</summary>
    public static void CheckQuery(string sql) => Check(sql);

    /// <summary>Throws where names and types of a table that comes with a query are anything else.</summary>
    public static void CheckStructure(string structure)
    {
        if (!Check(structure))
            throw ClickHouseException.Raise(
                ErrorCode.SyntaxError, "SYNTAX_ERROR", "The parentheses in the structure of a table that comes with a query do not match");
    }

    /// <summary>
    /// Whether data in the format Values can be evaluated: nothing in them is the name of <c>file()</c>, or would be one once its
    /// escapes are read. That they are text only is not seen, since data do not always end where a string in SQL does.
    /// </summary>
    public static bool MayEvaluate(ReadOnlySpan<byte> data) => data.IndexOf("file"u8) < 0 && data.IndexOf("\\x"u8) < 0;

    /// <summary>A string's own text.</summary>
    public static string Unquoted(string literal) => literal[0] switch
    {
        '$' => literal[(literal.IndexOf('$', 1) + 1)..],
        '\'' => Escape.Replace(literal[1..], match => match.Groups["code"] is { Success: true, Value: var code }
            ? ((char)Convert.ToByte(code, 16)).ToString()
            : match.Value switch
            {
                "''" => "'",
                ['\\', 'n' or 't' or 'r' or 'f' or 'v' or 'b' or 'a' or 'e' or '0'] => " ",
                _ => match.Value[1..],
            }),
        _ => literal,
    };

    /// <summary>Refuses SQL that reads a file; whether each parenthesis has its other.</summary>
    private static bool Check(string sql)
    {
        var text = Encoding.UTF8.GetBytes(sql);
        var tokens = new SqlTokenizer(text);
        var (open, match) = (0, true);
        string? called = null;
        for (var token = tokens.Next(); token.Kind != SqlTokenKind.End; token = tokens.Next())
        {
            var symbol = token.Kind == SqlTokenKind.Symbol ? text[token.Start] : default;
            if (called is not null && symbol == '(')
                throw ClickHouseException.Raise(ErrorCode.AccessDenied, "ACCESS_DENIED",
                    $"Not enough privileges: {called}() is not available in a string that holds columns or a query");
            open += symbol switch { (byte)'(' => 1, (byte)')' => -1, _ => 0 };
            match &= open >= 0;
            var name = token.Kind is SqlTokenKind.Word or SqlTokenKind.QuotedName
                ? EngineNames.Unquoted(Encoding.UTF8.GetString(text[token.Start..token.End]))
                : "";
            called = Refused.Contains(name) ? name : null;
        }
        return match && open == 0;
    }

    [GeneratedRegex(@"\b(DEFAULT|MATERIALIZED|ALIAS|EPHEMERAL)\b", RegexOptions.IgnoreCase)]
    private static partial Regex ComputedColumn { get; }

    [GeneratedRegex(@"\\x(?<code>[0-9A-Fa-f]{2})|\\.|''", RegexOptions.Singleline)]
    private static partial Regex Escape { get; }
}
