using System.Text.RegularExpressions;

namespace AspireCdc.EmbeddedClickHouse.Engine;

/// <summary>An error of ClickHouse: its number and its text, <c>Code: 60. DB::Exception: … (UNKNOWN_TABLE)</c>.</summary>
internal sealed partial class ClickHouseException : Exception
{
    private ClickHouseException(int code, string message) : base(message) => Code = code;

    public int Code { get; }

    /// <summary>An error that the server itself raises, in the engine's form.</summary>
    public static ClickHouseException Raise(int code, string name, string text) =>
        new(code, $"Code: {code}. DB::Exception: {text} ({name})");

    /// <summary>The same error, with more to say about it.</summary>
    public ClickHouseException With(string more) =>
        Message.Contains(more, StringComparison.Ordinal) ? this : new(Code, $"{Message} {more}");

    /// <summary>An error that the engine reported.</summary>
    public static ClickHouseException FromEngine(string text)
    {
        var match = Prefix().Match(text);
        return match.Success
            ? new(int.Parse(match.Groups[1].ValueSpan), Version().Replace(text, "").TrimEnd())
            : Raise(ErrorCode.UnknownException, "UNKNOWN_EXCEPTION", text);
    }

    [GeneratedRegex(@"^Code: (\d+)\. ")]
    private static partial Regex Prefix();

    // Some messages carry the version already; the response adds it to all.
    [GeneratedRegex(@" \(version [^()]*(\([^()]*\))?\)\s*$")]
    private static partial Regex Version();
}
