using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.CdcProcessor.Running;
using AspireCdc.CdcProcessor.Verification;
using AspireCdc.Star.Model;
using Microsoft.AspNetCore.Mvc;

namespace AspireCdc.CdcProcessor.Operations;

/// <summary>What the command line asks of a running processor, under <c>/operations</c>.</summary>
internal static class OperationEndpoints
{
    public static void MapOperations(this WebApplication app)
    {
        var operations = app.MapGroup("/operations").AddEndpointFilter(AnswerAsync);
        operations.MapGet("/status", StatusAsync);
        operations.MapGet("/flow", FlowEndpoint.Follow);
        operations.MapPost("/pause", async (ProcessorControl control, CancellationToken cancellation) =>
        {
            await control.PauseAsync(cancellation);
            return "The pipeline is paused, for every processor; PostgreSQL keeps its WAL meanwhile.";
        });
        operations.MapPost("/resume", async (ProcessorControl control, CancellationToken cancellation) =>
        {
            await control.ResumeAsync(cancellation);
            return "The pipeline goes on.";
        });
        operations.MapPost("/resync", ResyncAsync);
        operations.MapGet("/dead-letters", ListAsync);
        operations.MapPost("/dead-letters/retry", ([FromQuery] string[] id, ProcessorControl control, CancellationToken cancellation) =>
            control.RetryAsync(id, cancellation));
        operations.MapPost("/dead-letters/drop", DropAsync);
        operations.MapVerification();
    }

    private static async Task<StatusReport> StatusAsync(
        ProcessorStatus status, CopyProgress copies, FactProgress facts, StarModel model, PipelineFactory factory,
        VerificationState verification, CancellationToken cancellation)
    {
        await using var sink = factory.CreateSink();
        var progress = await sink.OpenAsync(cancellation);
        var running = copies.Running;
        var lag = status.Lag;
        return new StatusReport(
            status.Phase.ToString(), status.Reason,
            [.. (status.Applied.Count > 0 ? status.Applied : progress.Positions).OrderBy(position => position.Partition)
                .Select(position => new PositionReport(position.Partition, Shown(position)))],
            lag.Bytes, lag.Seconds, status.OpenDeadLetters,
            [.. model.Tables.Select(table => new TableReport(
                table.Source, table.Landing, CopyStateOf(table, progress),
                running.TryGetValue(table.Source, out var copy) ? copy.Rows : null,
                running.TryGetValue(table.Source, out copy) ? copy.Expected : null)
                { SecondsLeft = copies.SecondsLeft(table.Source) })],
            [.. facts.Facts.OrderBy(fact => fact.Key, StringComparer.Ordinal)
                .Select(fact => new FactReport(fact.Key, fact.Value.IsDone, fact.Value.Rows, fact.Value.Expected))])
        {
            Doubts = status.Doubts.All,
            Verification = verification.Report,
        };
    }

    private static string CopyStateOf(TableMapping table, Progress progress) =>
        progress.Copies.FirstOrDefault(copy => copy.Table == table.Source) switch
        {
            null => "not copied yet",
            { State: CopyState.Done } copy when !copy.IsOf(table) => "due, since the model has other columns now",
            var copy => copy.State.ToString(),
        };

    private static string Shown(SourcePosition position) => position switch
    {
        { Partition: < 0 } => Lsn.Format(position.Position),
        { CommitLsn: 0 } => position.Position.ToString(),
        _ => $"{position.Position} (commits up to {Lsn.Format(position.CommitLsn)})",
    };

    private static async Task<string> ResyncAsync(
        [FromQuery] string[] table, bool? all, ProcessorControl control, CancellationToken cancellation)
    {
        if (all == true)
        {
            await control.ResyncAllAsync(cancellation);
            return "Everything is copied anew, from a new replication slot.";
        }
        if (table.Length == 0)
            throw new OperationException("Name the tables to copy anew, or --all.");

        await control.ResyncAsync(table, cancellation);
        return $"{string.Join(", ", table)} will be copied anew beside the stream; 'CdcProcessor status' shows how far it is.";
    }

    private static async Task<IReadOnlyList<LetterReport>> ListAsync(PipelineFactory factory, CancellationToken cancellation) =>
        [.. (await factory.CreateDeadLetters().ListAsync([], 1000, cancellation)).Select(stored => new LetterReport(
            stored.Id, stored.Time, stored.Letter.Table, stored.Letter.Key, stored.Letter.Operation, stored.Letter.Partition < 0
                ? Lsn.Format(stored.Letter.Lsn)
                : $"{stored.Letter.Partition}:{stored.Letter.Version - 1}",
            stored.Letter.Reason, stored.Letter.Raw))];

    private static async Task<string> DropAsync(
        [FromQuery] string[] id, bool? all, PipelineFactory factory, ProcessorStatus status, CancellationToken cancellation)
    {
        if (id.Length == 0 && all != true)
            throw new OperationException("Name the dead letters to drop, or --all.");

        var letters = factory.CreateDeadLetters();
        var before = await letters.CountOpenAsync(cancellation);
        await letters.DropAsync(id, cancellation);
        var left = await letters.CountOpenAsync(cancellation);
        status.OpenDeadLetters = left;
        return $"{before - left} dead letters were dropped.";
    }

    /// <summary>No web page may ask (a browser names its origin), nobody without the token, and what
    /// cannot be done gets a sentence.</summary>
    private static async ValueTask<object?> AnswerAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        if (context.HttpContext.Request.Headers.Origin.Count > 0)
            return Results.Text("Operations are not for web pages.", statusCode: StatusCodes.Status403Forbidden);
        if (context.HttpContext.RequestServices.GetRequiredService<OperationAccess>().Refuse(context.HttpContext) is { } refusal)
            return refusal;
        try
        {
            return await next(context);
        }
        catch (Exception e) when (e is OperationException or NotReadyException or NotSupportedException or ClickHouseException
            or HttpRequestException)
        {
            return Results.Text(e.Message, statusCode: StatusCodes.Status409Conflict);
        }
    }
}

internal sealed record StatusReport(
    string Phase, string Reason, IReadOnlyList<PositionReport> Applied, long LagBytes, double LagSeconds, long DeadLetters,
    IReadOnlyList<TableReport> Tables,
    IReadOnlyList<FactReport> Facts)
{
    /// <summary>Tables that do not show what the source holds, or perhaps not.</summary>
    public IReadOnlyList<TableDoubt> Doubts { get; init; } = [];

    /// <summary>The comparison with PostgreSQL that runs, or the last one.</summary>
    public VerificationReport Verification { get; init; } = VerificationReport.None;
}

internal sealed record PositionReport(int Partition, string Position);

internal sealed record TableReport(string Source, string Landing, string Copy, long? Copied, long? Expected)
{
    /// <summary>About how long its copy still takes; null where none runs, or nothing tells.</summary>
    public double? SecondsLeft { get; init; }
}

internal sealed record FactReport(string Name, bool IsDone, long Derived, long? Expected);

internal sealed record LetterReport(
    string Id, string Time, string Table, string Key, string Operation, string Position, string Reason, string Raw);
