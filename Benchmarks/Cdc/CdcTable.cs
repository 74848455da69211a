using System.Globalization;
using AspireCdc.Benchmarks.Machine;
using Spectre.Console;

namespace AspireCdc.Benchmarks.Cdc;

/// <summary>What the user sees of a run.</summary>
internal static class CdcTable
{
    private const int WidthOfFiles = 150;

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    public static void WriteHeader(MachineState machine, IReadOnlyDictionary<string, string> versions, CdcOptions options)
    {
        WidenFiles();
        var load = machine.Load is { } value ? $"load {value:0.00}" : "load unknown";
        AnsiConsole.WriteLine(
            $"{machine.Processor}, {machine.Cores} cores, {machine.MemoryGb:0} GB, {load}; {machine.System}; {machine.Runtime}");
        AnsiConsole.WriteLine(string.Join(", ", versions.Select(version => $"{version.Key} {version.Value}")));
        AnsiConsole.WriteLine(
            $"{options.Changes:N0} changes, {Workload.ChangesPerTransaction} a transaction, {options.Rounds} rounds, {options.Commits} " +
            "single commits");
        if (machine.Load > machine.Cores / 2.0)
            AnsiConsole.MarkupLine("[yellow]The machine is busy: compare ratios, not figures.[/]");
    }

    /// <summary>A file has no width, and tables would be cut to 80 columns.</summary>
    public static void WidenFiles()
    {
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = WidthOfFiles;
    }

    public static void Say(string line) => AnsiConsole.MarkupLineInterpolated(Culture, $"[dim]{DateTime.Now:HH:mm:ss}[/] {line}");

    public static Task ProgressAsync(string what, int of, Func<Action<int>, Task> work) =>
        AnsiConsole.Progress().AutoClear(true).StartAsync(async context =>
        {
            var task = context.AddTask(what, maxValue: of);
            await work(done => task.Value = done);
        });

    public static void Write(CdcReport report)
    {
        AnsiConsole.WriteLine();
        WriteDrains(report);
        if (report.Contenders.Any(contender => contender.Latency is not null))
            WriteCommits(report);
        foreach (var contender in report.Contenders.Where(contender => contender.Skipped is not null))
            AnsiConsole.MarkupLineInterpolated($"[dim]{contender.Name} did not take part: {contender.Skipped}[/]");
        foreach (var contender in report.Contenders)
        {
            foreach (var drain in contender.Drains.Where(drain => drain.Failure is not null))
                AnsiConsole.MarkupLineInterpolated($"[red]{contender.Name}, round {drain.Round}: {drain.Failure}[/]");
        }
        if (report.LoadAtEnd is { } load)
            AnsiConsole.MarkupLineInterpolated(Culture, $"[dim]Load at the end: {load:0.00} on {report.Machine.Cores} cores.[/]");
    }

    private static void WriteDrains(CdcReport report)
    {
        var limit = report.Contenders.FirstOrDefault(contender => contender.Key == "limit")?.Median(drain => drain.ChangesPerSecond);
        var peer = report.Contenders.FirstOrDefault(contender => contender.Key == "materialized")?.Median(drain => drain.ChangesPerSecond);
        var table = new Table
        {
            Title = new($"Draining {report.Changes.ToString("N0", Culture)} changes (medians of {report.Rounds})"),
            Border = TableBorder.Rounded
        };
        table.AddColumns("reader", "keeps");
        foreach (var column in (string[])["changes/s", "range", "of limit", "of Mat.PG", "s with start", "CPU s",
            "sender CPU s", "peak MB"])
            table.AddColumn(new TableColumn(column).RightAligned());
        foreach (var contender in report.Contenders.Where(contender => contender.Whole.Any()))
        {
            var rate = contender.Median(drain => drain.ChangesPerSecond)!.Value;
            table.AddRow(
                contender.Name, contender.Work,
                Thousands(rate),
                $"{Thousands(contender.Whole.Min(drain => drain.ChangesPerSecond))}–" +
                $"{Thousands(contender.Whole.Max(drain => drain.ChangesPerSecond))}",
                Ratio(rate, limit), Ratio(rate, peer),
                Number(contender.Median(drain => drain.SecondsWithStart), "0.0"),
                PerProcess(contender, process => process.CpuSeconds, "0.0"),
                Number(contender.Median(drain => drain.SenderCpuSeconds), "0.0"),
                PerProcess(contender, process => process.PeakMb, "0"));
        }
        AnsiConsole.Write(table);
    }

    private static void WriteCommits(CdcReport report)
    {
        var peer = report.Contenders.FirstOrDefault(contender => contender.Key == "materialized")?.Latency?.P50;
        var table =
            new Table { Title = new($"A single-row commit until it is visible ({report.Commits} each), ms"), Border = TableBorder.Rounded };
        table.AddColumn("reader");
        foreach (var column in (string[])["p50", "p90", "p99", "most", "p50 of Mat.PG", "memory MB"])
            table.AddColumn(new TableColumn(column).RightAligned());
        foreach (var contender in report.Contenders)
        {
            if (contender.Latency is not { } latency)
                continue;
            if (latency.Failure is not null)
                table.AddRow(new Text(contender.Name), new Text(latency.Failure));
            else
            {
                table.AddRow(
                    contender.Name, Number(latency.P50, "0.0"), Number(latency.P90, "0.0"), Number(latency.P99, "0.0"),
                    Number(latency.Most, "0.0"), Ratio(latency.P50, peer),
                    string.Join('\n', latency.Processes.Select(process => $"{process.Key} {Number(process.Value.ResidentMb, "0")}")));
            }
        }
        AnsiConsole.Write(table);
    }

    private static string PerProcess(ContenderReport contender, Func<ProcessFigures, double> figure, string format) =>
        string.Join('\n', contender.Whole.First().Processes.Keys.Select(name =>
        {
            var median = contender.Median(drain => drain.Processes.TryGetValue(name, out var process) ? figure(process) : null);
            return $"{name} {Number(median, format)}";
        }));

    private static string Thousands(double perSecond) => (perSecond / 1000).ToString("0", Culture) + " k";

    private static string Ratio(double value, double? of) => of is > 0 ? (value / of.Value).ToString("0.00", Culture) : "";

    private static string Number(double? value, string format) => value?.ToString(format, Culture) ?? "";
}
