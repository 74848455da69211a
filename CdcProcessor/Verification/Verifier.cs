using System.Text.Json;
using System.Threading.Channels;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.Star.Model;
using Microsoft.Extensions.Options;

namespace AspireCdc.CdcProcessor.Verification;

/// <summary>
/// Compares all tables and facts with PostgreSQL, beside the stream: when somebody asks, and every <see cref="CdcOptions.VerifyEvery"/>.
/// What a restart has interrupted goes on where it was.
/// </summary>
internal sealed partial class Verifier(
    ComparisonFactory factory, Pair pair, IServiceProvider services, IOptions<CdcOptions> options, ProcessorStatus status,
    VerificationState state, TimeProvider time,
    ILogger<Verifier> logger) : BackgroundService
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    /// <summary>A timer takes no more than 49 days.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);
    private static readonly TimeSpan SaveEvery = TimeSpan.FromSeconds(5);

    private readonly Channel<VerificationReport> _requests = Channel.CreateBounded<VerificationReport>(1);
    private long _saved;

    /// <summary>Begins a comparison of these tables and facts, or of all.</summary>
    /// <exception cref="OperationException">It cannot be done now; the message says why.</exception>
    public void Begin(IReadOnlyList<string> names, bool repairs)
    {
        if (pair.Sink == Pair.Kafka)
            throw new OperationException(
                "This connector fills a topic and has no tables to compare: ask a processor behind the topic (CdcProcessor verify " +
                "--address http://localhost:4197).");
        if (pair.Source == Pair.Kafka && !factory.KnowsPostgres)
            throw new OperationException(
                "This processor does not know PostgreSQL, with which it would compare: set ConnectionStrings__shop for " +
                "it, with a role that may read the tables.");
        if (status.Phase != Phase.Streaming)
            throw new OperationException($"Tables are compared by a processor that streams, and this one does not: {status.Reason}");
        var known = factory.All.Select(table => table.Name).ToList();
        if (names.FirstOrDefault(name => !known.Contains(name)) is { } unknown)
            throw new OperationException($"There is no table and no fact '{unknown}' in the model: it has {string.Join(", ", known)}.");
        if (state.Report.State == "running" || !_requests.Writer.TryWrite(Fresh(names, repairs)))
            throw new OperationException("A comparison runs already: 'CdcProcessor status' shows how far it is.");
        state.Set(Fresh(names, repairs));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (pair.Sink == Pair.Kafka || (pair.Source == Pair.Kafka && !factory.KnowsPostgres))
            return;

        try
        {
            await StreamsAsync(stoppingToken);
            if (state.Report.State == "none" && await LoadAsync(stoppingToken) is { } last)
            {
                state.Set(last);
                if (last.State == "running")
                    await RunAsync(last, stoppingToken);
            }
            while (true)
            {
                var report = await NextAsync(stoppingToken);
                await StreamsAsync(stoppingToken);
                await RunAsync(report, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // What is unfinished goes on with the next start.
        }
    }

    private VerificationReport Fresh(IReadOnlyList<string> names, bool repairs) => new(
        "running", "Comparing with PostgreSQL.", time.GetUtcNow(), null, repairs, 0, 0, 0,
        [.. factory.All.Where(table => names.Count == 0 || names.Contains(table.Name))
            .Select(table => new ComparedReport { Name = table.Name })]);

    /// <summary>What somebody has asked for, or all, as soon as it is time for that.</summary>
    private async Task<VerificationReport> NextAsync(CancellationToken cancellationToken)
    {
        if (options.Value.VerifyEvery is not { } every)
            return await _requests.Reader.ReadAsync(cancellationToken);

        while (state.Report.Finished is { } finished && finished + every - time.GetUtcNow() is { Ticks: > 0 } rest)
        {
            using var soon = new CancellationTokenSource(rest < LongestWait ? rest : LongestWait, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(soon.Token, cancellationToken);
            try
            {
                return await _requests.Reader.ReadAsync(either.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // It is time, or to be waited for on.
            }
        }
        return _requests.Reader.TryRead(out var request) ? request : Fresh([], repairs: false);
    }

    private async Task StreamsAsync(CancellationToken cancellationToken)
    {
        while (status.Phase != Phase.Streaming)
            await Task.Delay(LookEvery, time, cancellationToken);
    }

    private async Task RunAsync(VerificationReport report, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var pace = new RowPace(options.Value.VerifyRowsPerSecond, time);
        state.Set(report);
        LogBegun(report.Tables.Count);
        for (var i = 0; i < report.Tables.Count; i++)
        {
            if (report.Tables[i].State is not ("waiting" or "running"))
                continue;

            var place = i;
            var begun = time.GetTimestamp();
            var result = await CompareAsync(report.Tables[i] with { State = "running" }, report.Repairs, pace, ShowAsync,
                cancellationToken);
            report = With(place, result with
            {
                Seconds = report.Tables[place].Seconds
                + Math.Max(time.GetElapsedTime(begun).TotalSeconds, 0.001)
            });
            await SaveAsync(report, cancellationToken);

            Task ShowAsync(ComparedReport table)
            {
                report = With(place, table);
                state.Set(report);
                return time.GetElapsedTime(_saved) < SaveEvery ? Task.CompletedTask : SaveAsync(report, cancellationToken);
            }
        }

        report = Finished(report);
        await SaveAsync(report, cancellationToken);
        if (report.State == "equal")
            LogEqual(report.Rows, (report.Finished - report.Started)!.Value.TotalSeconds, report.RowsPerSecond);
        else
            LogDifferent(report.Verdict);

        VerificationReport With(int place, ComparedReport table)
        {
            ComparedReport[] tables = [.. report.Tables.Select((known, i) => i == place ? table : known)];
            var rows = tables.Sum(known => known.Rows);
            return report with
            {
                Tables = tables,
                Rows = rows,
                RowsPerSecond = rows / Math.Max(
                time.GetElapsedTime(started).TotalSeconds, 0.001),
                Differences = tables.Sum(known => known.Differences)
            };
        }
    }

    private VerificationReport Finished(VerificationReport report)
    {
        var differing = report.Tables.Where(table => table.Differences > 0).Select(table => $"{table.Differences} of {table.Name}")
            .ToList();
        var failed = report.Tables.Where(table => table.State is "failed" or "skipped")
            .Select(table => $"{table.Name} ({table.Note.TrimEnd('.')})").ToList();
        var verdict = (differing.Count, failed.Count) switch
        {
            (0, 0) => $"Equal, row for row: {report.Rows} rows.",
            (0, _) => $"Not compared with PostgreSQL: {string.Join("; ", failed)}.",
            _ => string.Join(' ', [
                $"Rows differ from PostgreSQL: {string.Join(", ", differing)}.", .. CuresOf(report),
                .. failed.Count == 0 ? Array.Empty<string>() : [$"Not compared: {string.Join("; ", failed)}."]]),
        };
        return report with
        {
            State = differing.Count > 0 ? "different" : failed.Count > 0 ? "incomplete" : "equal",
            Verdict = verdict,
            Finished = time.GetUtcNow()
        };
    }

    /// <summary>Where a table's note says what to do it is that.</summary>
    private static IEnumerable<string> CuresOf(VerificationReport report)
    {
        var differing = report.Tables.Where(table => table.Differences > 0).ToList();
        if (differing.Exists(table => table.Note.Length == 0))
            yield return "'CdcProcessor verify --repair' brings them once more.";
        foreach (var table in differing.Where(table => table.Note.Length > 0))
            yield return $"{table.Name}: {table.Note}";
    }

    private async Task<ComparedReport> CompareAsync(
        ComparedReport table, bool repairs, RowPace pace, Func<ComparedReport, Task> show, CancellationToken cancellationToken)
    {
        try
        {
            if (factory.All.FirstOrDefault(known => known.Name == table.Name) is not { } compared)
                return table with { State = "skipped", Note = "The model does not have it any more." };
            if (await NotYetAsync(compared, cancellationToken) is { } before)
                return table with { State = "skipped", Note = before };

            await using var comparison = await factory.OpenAsync(compared, pace, show, cancellationToken);
            var result = await comparison.RunAsync(table, repairs, cancellationToken);
            // Rows of a copy land long before they are derived, and before it has swept: what was found meanwhile means nothing.
            return await NotYetAsync(compared, cancellationToken) is { } meanwhile
                ? result with { State = "skipped", Differences = 0, Keys = [], Note = meanwhile } : result;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            LogFailed(table.Name, e.Message);
            return table with { State = "failed", Note = e.Message };
        }
    }

    /// <summary>Why there is nothing to compare yet; null if there is. Behind Kafka the copies are the connector's.</summary>
    private async Task<string?> NotYetAsync(ComparedTable compared, CancellationToken cancellationToken)
    {
        if (pair.Source == Pair.Kafka)
            return null;
        var progress = await Progress().LoadAsync(cancellationToken);
        if (compared.Sources.FirstOrDefault(source => !progress.IsCopied(source)) is { } uncopied)
            return $"The copy of {uncopied.Source} is not done.";
        return compared.Fact is { } fact && (progress.Facts.GetValueOrDefault(fact.Name) is not { } definition
            || StarFile.ReadFact(definition)?.Fingerprint != fact.Fingerprint)
            ? "It has not been derived whole yet." : null;
    }

    private ProgressTable Progress() => new(services.GetRequiredService<ClickHouseClient>(), time);

    private async Task<VerificationReport?> LoadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await Progress().LoadVerificationAsync(cancellationToken) is { } json
                ? JsonSerializer.Deserialize<VerificationReport>(json) : null;
        }
        catch (Exception e) when (e is JsonException or ClickHouseException or HttpRequestException)
        {
            return null;
        }
    }

    /// <summary>A report that cannot be kept now is kept with the next one.</summary>
    private async Task SaveAsync(VerificationReport report, CancellationToken cancellationToken)
    {
        state.Set(report);
        _saved = time.GetTimestamp();
        try
        {
            await Progress().SaveVerificationAsync(JsonSerializer.Serialize(report), cancellationToken);
        }
        catch (Exception e) when (e is ClickHouseException or HttpRequestException)
        {
            LogNotSaved(e.Message);
        }
    }

    [LoggerMessage(EventId = 80, Level = LogLevel.Information,
        Message = "Comparing {Tables} tables and facts with PostgreSQL, beside the stream")]
    private partial void LogBegun(int tables);

    [LoggerMessage(EventId = 81, Level = LogLevel.Information,
        Message = "Equal to PostgreSQL, row for row: {Rows} rows in {Seconds:0.0} s, {Rate:0} a second")]
    private partial void LogEqual(long rows, double seconds, double rate);

    [LoggerMessage(EventId = 82, Level = LogLevel.Error, Message = "{Verdict}")]
    private partial void LogDifferent(string verdict);

    [LoggerMessage(EventId = 83, Level = LogLevel.Warning, Message = "{Table} could not be compared with PostgreSQL: {Reason}")]
    private partial void LogFailed(string table, string reason);

    [LoggerMessage(EventId = 84, Level = LogLevel.Debug, Message = "The comparison's progress was not kept: {Reason}")]
    private partial void LogNotSaved(string reason);
}
