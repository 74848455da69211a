using System.Diagnostics;
using System.Text.Json;
using AspireCdc.AppHost.Embedded;
using AspireCdc.Benchmarks.Cdc.Contenders;
using AspireCdc.Benchmarks.Cdc.Limit;
using AspireCdc.Benchmarks.Machine;
using Npgsql;
using Spectre.Console;

namespace AspireCdc.Benchmarks.Cdc;

/// <summary><c>Benchmarks [cdc]</c>: one workload, drained by everybody in turn, then single commits.</summary>
internal sealed class CdcCommand : IAsyncDisposable
{
    public const string Verb = "cdc";

    private static readonly JsonSerializerOptions JsonOptions =
        new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private readonly CdcOptions _options;
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<(string Kind, int Round), IContender> _contenders = [];
    private StoreDatabase? _database;
    private KafkaBroker? _broker;

    private CdcCommand(CdcOptions options) => _options = options;

    public static Task<int> RunAsync(string[] args) => Command.RunAsync(args, CdcOptions.Usage, async cancellationToken =>
    {
        await using var command = new CdcCommand(CdcOptions.Parse(args));
        return await command.RunAsync(cancellationToken);
    });

    public async ValueTask DisposeAsync()
    {
        foreach (var contender in _contenders.Values)
            await contender.DisposeAsync();
        if (_broker is not null)
            await _broker.DisposeAsync();
        if (_database is not null)
            await _database.DisposeAsync();
        _folder.Dispose();
    }

    /// <returns>Whether every contender that took part lost nothing.</returns>
    private async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        var machine = MachineState.Now();
        var binaries = await Checkout.BinariesAsync(AnsiConsole.WriteLine, cancellationToken);
        _database = await StoreDatabase.StartAsync(binaries, _folder, Log, cancellationToken);
        _broker = KafkaBroker.Find(_folder, Log);
        var kinds = Kinds(binaries);
        var versions = await VersionsAsync(cancellationToken);
        CdcTable.WriteHeader(machine, versions, _options);

        var reports = kinds.ToDictionary(kind => kind.Key, kind =>
            new ContenderReport(kind.Key, kind.Name, kind.Work, kind.MissingBecause, []));
        var present = kinds.Where(kind => kind.MissingBecause is null).ToArray();
        await PrepareAsync(present, cancellationToken);
        var (workload, seconds) = await WriteWorkloadAsync(cancellationToken);
        await DrainAsync(present, reports, workload, cancellationToken);
        await CommitAsync(present, reports, cancellationToken);

        var report = new CdcReport(machine, versions, workload.Changes, _options.Rounds, _options.Commits, seconds,
            [.. reports.Values])
        { LoadAtEnd = MachineState.LoadAverage() };
        CdcTable.Write(report);
        await SaveAsync(report, cancellationToken);
        return reports.Values.All(contender => contender.Drains.All(drain => drain.Failure is null) && contender.Latency?.Failure is null
            && contender.LargeRow?.Failure is null);
    }

    private ContenderKind[] Kinds(EmbeddedBinaries binaries)
    {
        var database = _database!;
        ContenderKind[] all =
        [
            new("limit", "the server's limit", "discards", null, round => new ServerLimit(database, round)),
            new("recvlogical", "pg_recvlogical", "discards", PgRecvlogical.MissingBecause(),
                round => new PgRecvlogical(database, Log, round), TimesCommits: false),
            new("materialized", "MaterializedPostgreSQL", "landing", null, round =>
                new MaterializedPostgreSql(database, _folder, binaries, Log, round)),
            new("debezium", "Debezium → Kafka", "records in Kafka", Debezium.MissingBecause(_broker), round =>
                new Debezium(database, _folder, _broker!, round)),
            new("direct", "PostgreSQL → ClickHouse", "landing + star", null, round =>
                new DirectPair(database, _folder, binaries, Log, round)),
            new("direct-tls", "the same over TLS", "landing + star", null, round =>
                new DirectPair(database, _folder, binaries, Log, round, SslMode.Require)),
            new("connector", "PostgreSQL → Kafka", "records in Kafka", KafkaBroker.MissingBecause(), round =>
                new Connector(database, _broker!, Log, round)),
            new("behind-kafka", "Kafka → ClickHouse", "landing + star", KafkaBroker.MissingBecause(),
                round => new BehindKafka(database, _folder, binaries, _broker!, (Connector)_contenders[("connector", round)], Log, round)),
        ];
        if (_options.Only.Except(all.Select(kind => kind.Key)).FirstOrDefault() is { } unknown)
            throw new BenchmarkException(
                $"--only does not know '{unknown}'; there are {string.Join(", ", all.Select(kind => kind.Key))}.");
        return _options.Only.Count == 0 ? all
            : [.. all.Where(kind =>
                _options.Only.Contains(kind.Key) || (kind.Key == "connector" && _options.Only.Contains("behind-kafka")))];
    }

    /// <summary>All slots of all rounds exist before the workload is written, so that everybody drains the same WAL.</summary>
    private async Task PrepareAsync(ContenderKind[] kinds, CancellationToken cancellationToken)
    {
        for (var round = 1; round <= _options.Rounds; round++)
        {
            foreach (var kind in kinds)
            {
                var contender = _contenders[(kind.Key, round)] = kind.Create(round);
                await contender.PrepareAsync(cancellationToken);
                CdcTable.Say($"round {round} of {_options.Rounds}: {kind.Name} has its slot");
            }
        }
    }

    private async Task<(Workload Workload, double Seconds)> WriteWorkloadAsync(CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        Workload? workload = null;
        await CdcTable.ProgressAsync($"writing {_options.Transactions:N0} transactions", _options.Transactions, async done =>
            workload = await Workload.WriteAsync(_database!, _options.Transactions, done, cancellationToken));
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        CdcTable.Say($"{workload!.Changes:N0} changes written in {seconds:0.0} s");
        return (workload, seconds);
    }

    private async Task DrainAsync(
        ContenderKind[] kinds, Dictionary<string, ContenderReport> reports, Workload workload, CancellationToken cancellationToken)
    {
        for (var round = 1; round <= _options.Rounds; round++)
        {
            foreach (var kind in kinds)
            {
                var contender = _contenders[(kind.Key, round)];
                var drain = await CdcRun.DrainAsync(_database!, contender, workload, round, cancellationToken);
                reports[kind.Key].Drains.Add(drain);
                CdcTable.Say($"round {round} of {_options.Rounds}: {kind.Name} " +
                    (drain.Failure is null ? $"drained in {drain.Seconds:0.00} s ({drain.ChangesPerSecond / 1000:0} k/s)"
                        : $"gave no figure: {drain.Failure}"));
                // The last round's readers are wanted for the single commits.
                if (round == _options.Rounds && kind.TimesCommits)
                    continue;
                _contenders.Remove((kind.Key, round));
                await contender.DisposeAsync();
            }
        }
    }

    private async Task CommitAsync(ContenderKind[] kinds, Dictionary<string, ContenderReport> reports, CancellationToken cancellationToken)
    {
        var series = 0;
        ContenderKind[] timed = [.. kinds.Where(kind => kind.TimesCommits)];
        foreach (var kind in _options.Commits > 0 ? timed : [])
        {
            await CdcTable.ProgressAsync($"{_options.Commits} single commits: {kind.Name}", _options.Commits, async done =>
                reports[kind.Key].Latency = await CdcRun.CommitAsync(
                    _database!, _contenders[(kind.Key, _options.Rounds)], _options.Commits, ++series, done, cancellationToken));
            var figures = reports[kind.Key].Latency!;
            CdcTable.Say($"{kind.Name}: " +
                (figures.Failure is { } why ? $"no figure: {why}" : $"p50 {figures.P50:0.0} ms, p99 {figures.P99:0.0} ms"));
        }
        foreach (var kind in _options.RowMegabytes > 0 ? timed : [])
        {
            var contender = _contenders[(kind.Key, _options.Rounds)];
            var figures = reports[kind.Key].LargeRow = await CdcRun.LargeRowAsync(
                _database!, contender, _options.RowMegabytes, ++series, cancellationToken);
            CdcTable.Say($"{kind.Name}: a row of {_options.RowMegabytes} MB " + (figures.Failure is { } why ? $"gave no figure: {why}"
                : $"is visible after {figures.P50 / 1000:0.00} s (median of {figures.Commits})"));
        }
    }

    private async Task<Dictionary<string, string>> VersionsAsync(CancellationToken cancellationToken)
    {
        var versions = new Dictionary<string, string>
        {
            ["PostgreSQL"] =
            await _database!.ScalarAsync<string>("SHOW server_version", cancellationToken)
        };
        if (_broker is not null)
            versions["Kafka"] = _broker.Version;
        return versions;
    }

    private async Task SaveAsync(CdcReport report, CancellationToken cancellationToken)
    {
        var path = _options.Json ?? Path.Combine(Checkout.Root, "Benchmarks", "results", $"cdc-{report.Machine.At:yyyyMMdd-HHmmss}.json");
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        await File.WriteAllTextAsync(path, JsonSerializer.Serialize(report, JsonOptions), cancellationToken);
        AnsiConsole.MarkupLineInterpolated($"[dim]{Path.GetRelativePath(Environment.CurrentDirectory, path)}[/]");
    }

    private void Log(string line)
    {
        if (_options.Verbose)
            Console.WriteLine(line);
    }
}
