using System.Text;
using AspireCdc.EmbeddedClickHouse.Engine;

namespace AspireCdc.EmbeddedClickHouse.Http;

/// <summary>What ClickHouse's HTTP interface refuses before the engine sees it, in ClickHouse's words.</summary>
internal static class Refuse
{
    /// <summary>The decoding of a known content coding has removed the header.</summary>
    public static void UnknownCoding(HttpRequest request)
    {
        if (request.Headers.ContentEncoding is [{ Length: > 0 } coding, ..] && !coding.Equals("identity", StringComparison.OrdinalIgnoreCase))
            throw ClickHouseException.Raise(ErrorCode.NotImplemented, "NOT_IMPLEMENTED", $"Unknown compression method {coding}. Only 'zstd', 'gzip', 'deflate' and 'br' are supported as compression methods");
    }

    public static void WhatHttpDoesNotAllow(RequestText text, string method)
    {
        var statement = text.Statement;
        if (statement.IsEmpty)
            throw Syntax("Syntax error: Empty query");
        if (statement.SecondStatement is >= 0 and var at)
            throw Syntax($"Syntax error (Multi-statements are not allowed): failed at position {at + 1} (end of query): {Excerpt(text, at)}. ");
        if (statement.NamesClientFile)
            throw ClickHouseException.Raise(ErrorCode.IntoOutfileNotAllowed, "INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE and FROM INFILE are not allowed: the server has no file of the client");

        // The engine's client would take these for orders to itself.
        var begin = text.Bytes.Span.TrimStart(" \t\r\n"u8);
        if (statement.Keyword is "EXIT" or "QUIT" or "LOGOUT" or "Q" || begin.StartsWith("\\"u8) || begin.StartsWith(":"u8))
            throw Syntax($"Syntax error: failed at position 1 ({Excerpt(text, 0)}): {Excerpt(text, 0)}. ");

        if (HttpMethods.IsGet(method) || HttpMethods.IsHead(method))
            Writing(statement);
    }

    private static void Writing(Sql.Statement statement)
    {
        if (statement.Kind == Sql.StatementKind.Select || statement.Keyword is "SHOW" or "DESCRIBE" or "DESC" or "EXISTS" or "EXPLAIN" or "CHECK" or "SET" or "USE")
            return;
        throw ClickHouseException.Raise(
            ErrorCode.ReadOnly, "READONLY",
            "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries");
    }

    private static string Excerpt(RequestText text, int at)
    {
        var rest = text.Bytes.Span[at..];
        return Encoding.UTF8.GetString(rest[..Math.Min(rest.Length, 160)]).Trim();
    }

    private static ClickHouseException Syntax(string message) => ClickHouseException.Raise(ErrorCode.SyntaxError, "SYNTAX_ERROR", message);
}
