using System.Text;
using AspireCdc.EmbeddedClickHouse.Engine;

namespace AspireCdc.EmbeddedClickHouse.Http;

/// <summary>What ClickHouse's HTTP interface refuses before the engine sees it, in ClickHouse's words.</summary>
internal static class Refuse
{
    public const string GetReads = "For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries";

    /// <summary>The decoding of a known content coding has removed the header.</summary>
    public static void UnknownCoding(HttpRequest request)
    {
        if (request.Headers.ContentEncoding is [{ Length: > 0 } coding, ..]
            && !coding.Equals("identity", StringComparison.OrdinalIgnoreCase))
            throw ClickHouseException.Raise(
                ErrorCode.NotImplemented, "NOT_IMPLEMENTED",
                $"Unknown compression method {coding}. Only 'zstd', 'lz4', 'gzip', 'deflate' and " +
                "'br' are supported as compression methods");
    }

    public static void WhatHttpDoesNotAllow(RequestText text)
    {
        var statement = text.Statement;
        if (statement.IsEmpty)
            throw Syntax("Syntax error: Empty query");
        if (statement.SecondStatement is >= 0 and var at)
            throw Syntax(
                $"Syntax error (Multi-statements are not allowed): failed at position {at + 1} (end of query): {Excerpt(text, at)}. ");
        if (statement.NamesClientFile)
            throw ClickHouseException.Raise(ErrorCode.IntoOutfileNotAllowed, "INTO_OUTFILE_NOT_ALLOWED",
                "INTO OUTFILE and FROM INFILE are not allowed: the server has no file of the client");

        // The engine's client would take these for orders to itself.
        var begin = text.Bytes.Span.TrimStart(" \t\r\n"u8);
        if (statement.Keyword is "EXIT" or "QUIT" or "LOGOUT" or "Q" || begin.StartsWith("\\"u8) || begin.StartsWith(":"u8))
            throw Syntax($"Syntax error: failed at position 1 ({Excerpt(text, 0)}): {Excerpt(text, 0)}. ");
    }

    /// <summary>
    /// A GET in a session. (Elsewhere the engine itself refuses to write, by its setting readonly; a session's connection
    /// could never be freed of that again.)
    /// </summary>
    public static void WritingInSession(RequestText text, string method)
    {
        if (!Reads(method))
            return;
        var statement = text.Statement;
        if (statement.IsParallel || !(statement.Kind == Sql.StatementKind.Select
            || statement.Keyword is "SHOW" or "DESCRIBE" or "DESC" or "EXISTS" or "EXPLAIN" or "CHECK" or "SET" or "USE"))
            throw ClickHouseException.Raise(ErrorCode.ReadOnly, "READONLY", $"Cannot execute query in readonly mode. {GetReads}");
    }

    /// <summary>Whether the method is one that must not write.</summary>
    public static bool Reads(string method) => HttpMethods.IsGet(method) || HttpMethods.IsHead(method);

    private static string Excerpt(RequestText text, int at)
    {
        var rest = text.Bytes.Span[at..];
        return Encoding.UTF8.GetString(rest[..Math.Min(rest.Length, 160)]).Trim();
    }

    private static ClickHouseException Syntax(string message) => ClickHouseException.Raise(ErrorCode.SyntaxError, "SYNTAX_ERROR", message);
}
