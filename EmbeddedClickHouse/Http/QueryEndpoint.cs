using System.Diagnostics;
using System.Text;
using AspireCdc.EmbeddedClickHouse.Blocks;
using AspireCdc.EmbeddedClickHouse.Engine;
using AspireCdc.EmbeddedClickHouse.Sessions;
using AspireCdc.EmbeddedClickHouse.Sql;
using AspireCdc.ServiceDefaults;
using Microsoft.Extensions.Options;
using ZstdSharp;

namespace AspireCdc.EmbeddedClickHouse.Http;

/// <summary>ClickHouse's HTTP interface: a query comes in, its result or its error goes out.</summary>
internal sealed partial class QueryEndpoint(
    ChdbEngine engine, SessionStore sessions, IOptions<EmbeddedClickHouseOptions> options, TimeProvider time, ILogger<QueryEndpoint> logger)
{
    /// <summary>By this many bytes a statement has named its table, or has none.</summary>
    private const int LongestSummary = 1000;

    public async Task HandleAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        await using var response = new QueryResponse(context, engine, time);
        try
        {
            Authentication.Check(context.Request, options.Value);
            var request = await QueryRequest.ReadAsync(context);
            response.Request = request;
            var statistics = await RunAsync(context, request, response, cancellation);
            await response.CompleteAsync(statistics, cancellation);
        }
        catch (ClickHouseException e)
        {
            LogFailed(response.Request?.QueryId ?? "-", e.Message);
            await response.FailAsync(
                e.Code == ErrorCode.ReadOnly && Refuse.Reads(context.Request.Method) ? e.With(Refuse.GetReads) : e, cancellation);
        }
        catch (Exception e) when (e is InvalidDataException or ZstdException or EndOfStreamException
            || e is InvalidOperationException { Source: "System.IO.Compression.Brotli" })
        {
            await response.FailAsync(ClickHouseException.Raise(
                ErrorCode.CannotDecompress, "CANNOT_DECOMPRESS", $"The request's body cannot be decompressed: {e.Message}"), cancellation);
        }
        catch (Exception e) when (cancellation.IsCancellationRequested || e is BadHttpRequestException or IOException)
        {
            LogClientGone(response.Request?.QueryId ?? "-");
            context.Abort();
        }
        catch (Exception e) when (e is not ResponseCutShortException)
        {
            LogUnexpected(e, response.Request?.QueryId ?? "-");
            await response.FailAsync(ClickHouseException.Raise(ErrorCode.UnknownException, "UNKNOWN_EXCEPTION", e.Message), cancellation);
        }
    }

    private async Task<QueryStatistics> RunAsync(
        HttpContext context, QueryRequest request, QueryResponse response, CancellationToken cancellation)
    {
        Refuse.UnknownCoding(context.Request);
        var body = request.Form is not null
            ? Stream.Null : request.DecompressBlocks ? new BlockReader(context.Request.Body) : context.Request.Body;
        using var text = await RequestText.ReadAsync(request.Query, body, cancellation);
        if (Activity.Current is { IsAllDataRequested: true })
            context.Items[typeof(Statement)] = Summarize(text.StatementBytes);
        Refuse.WhatHttpDoesNotAllow(text);
        request.CheckRole();

        using var running = await engine.Running.BeginAsync(request.QueryId, request.ReplaceRunningQuery, cancellation);
        try
        {
            return await RunAsync(context, request, response, text, body, running);
        }
        catch (OperationCanceledException) when (running.IsReplaced && !cancellation.IsCancellationRequested)
        {
            throw ClickHouseException.Raise(
                ErrorCode.QueryWasCancelled, "QUERY_WAS_CANCELLED", "Query was cancelled: another one of its id takes its place");
        }
    }

    private async Task<QueryStatistics> RunAsync(
        HttpContext context, QueryRequest request, QueryResponse response, RequestText text, Stream body, RunningQuery running)
    {
        var cancellation = running.Stop;
        request.CheckParameters(text);
        if (request.SessionId is { } id)
        {
            Refuse.WritingInSession(text, context.Request.Method);
            using var slot = await engine.EnterAsync(cancellation);
            using var session = sessions.Acquire(id, request.SessionTimeout, request.SessionMustExist, request.CloseSession);
            running.Connection = session.Connection.Id;
            using var scope = await SessionScope.EnterAsync(engine, session.Connection, request, cancellation);
            scope.DropAfterwards(await ExternalTables.LoadAsync(engine, session.Connection, request, context.Request.Query, cancellation));
            return await RunAsync(session.Connection, request, response, text, body, cancellation);
        }

        using var lease = await engine.RentAsync(request.Database, request.SettingsFor(context.Request.Method), cancellation);
        running.Connection = lease.Connection.Id;
        var tables = await ExternalTables.LoadAsync(engine, lease.Connection, request, context.Request.Query, cancellation);
        var statistics = await RunAsync(lease.Connection, request, response, text, body, cancellation);
        if (text.Statement.Keyword is "DROP" or "DETACH" or "RENAME")
            engine.ForgetIdle();
        lease.Clean = tables.Count == 0 && LeavesNothingBehind(text.Statement);
        return statistics;
    }

    private async Task<QueryStatistics> RunAsync(
        ChdbConnection connection, QueryRequest request, QueryResponse response, RequestText text, Stream body,
        CancellationToken cancellation)
    {
        var (edits, usesFiles, inserts) =
            Inspection.Of(text.StatementBytes, text.Statement, engine.UserFiles, request.QueryId, engine.Running.List());
        text.Apply(edits);
        if (usesFiles && inserts && connection.Query("SELECT toUInt8(getSetting('readonly'))") != "0\n")
            // the engine lets it write files
            throw ClickHouseException.Raise(ErrorCode.ReadOnly, "READONLY", "Cannot execute query in readonly mode.");
        usesFiles |= text.Statement.Kind == StatementKind.InsertFromInput;
        await using var progress = request.SendProgress ? ProgressHeaders.Collect(engine, connection, request, response, time) : null;
        if (usesFiles)
            connection.AllowFiles(true);
        try
        {
            return await new QueryRunner(engine, connection, request, response).RunAsync(text, body, cancellation);
        }
        finally
        {
            if (usesFiles)
                connection.AllowFiles(false);
        }
    }

    /// <summary>
    /// What the request has asked for, for its span: <c>INSERT order_fact</c>; null where it was not read or is not traced.
    /// </summary>
    public static string? StatementOf(HttpContext context) =>
        context.Items.TryGetValue(typeof(Statement), out var statement) ? (string?)statement : null;

    private static string Summarize(ReadOnlySpan<byte> statement) =>
        StatementSummary.NameOf(Encoding.UTF8.GetString(statement[..Math.Min(statement.Length, LongestSummary)]));

    private static bool LeavesNothingBehind(Statement statement) =>
        statement.Keyword is "SELECT" or "WITH" or "INSERT" or "SHOW" or "DESCRIBE" or "DESC" or "EXISTS" or "EXPLAIN";

    [LoggerMessage(10, LogLevel.Debug, "Query {Query} failed: {Error}")]
    private partial void LogFailed(string query, string error);

    [LoggerMessage(12, LogLevel.Error, "Query {Query} failed in the server, not in the engine")]
    private partial void LogUnexpected(Exception error, string query);

    [LoggerMessage(11, LogLevel.Debug, "The client of query {Query} has gone; the query was stopped")]
    private partial void LogClientGone(string query);
}
