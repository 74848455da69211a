using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using AspireCdc.AppHost.Embedded;
using AspireCdc.Benchmarks.Cdc;
using AspireCdc.Benchmarks.Cdc.Contenders;
using AspireCdc.Benchmarks.Machine;
using Spectre.Console;

namespace AspireCdc.Benchmarks.Growth;

/// <summary><c>Benchmarks growth</c>: the direct pair over stores of several sizes.</summary>
internal sealed class GrowthCommand(GrowthOptions options, EmbeddedBinaries binaries, CancellationToken cancellationToken)
{
    public const string Verb = "growth";

    private const string Slot = "bench_growth";

    private const int Facts = 2;

    /// <summary>No id of the store comes near it.</summary>
    private const long FirstOrder = 1_000_000_000;

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    private static readonly JsonSerializerOptions JsonOptions =
        new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    public static Task<int> RunAsync(string[] args) => Command.RunAsync(args, GrowthOptions.Usage, async cancellationToken =>
    {
        var options = GrowthOptions.Parse(args);
        var binaries = await Checkout.BinariesAsync(AnsiConsole.WriteLine, cancellationToken);
        await new GrowthCommand(options, binaries, cancellationToken).RunAsync();
        return true;
    });

    private async Task RunAsync()
    {
        var machine = MachineState.Now();
        CdcTable.WidenFiles();
        AnsiConsole.WriteLine(string.Create(Culture,
            $"{machine.Processor}, {machine.Cores} cores, {machine.MemoryGb:0} GB, load {machine.Load:0.00}"));
        var sizes = new List<SizeFigures>();
        foreach (var items in options.Items)
            sizes.Add(await MeasureAsync(items));

        var report = new GrowthReport(machine, sizes, MachineState.LoadAverage());
        Write(report);
        var path = options.Json ?? Path.Combine(Checkout.Root, "Benchmarks", "results", $"growth-{machine.At:yyyyMMdd-HHmmss}.json");
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        await File.WriteAllTextAsync(path, JsonSerializer.Serialize(report, JsonOptions), cancellationToken);
    }

    private async Task<SizeFigures> MeasureAsync(long items)
    {
        using var folder = new TemporaryFolder();
        await using var database = await StoreDatabase.StartAsync(binaries, folder, Log, cancellationToken);
        await using var server = new ClickHouseServer("ClickHouse", folder.Of("clickhouse"), binaries.ChDbLibrary, Log);
        await GrowthStore.FillAsync(database, items, rows => CdcTable.Say($"{rows:N0} of {items:N0} items written"), cancellationToken);
        await server.StartAsync(cancellationToken);
        await server.MigrateAsync(database.Model, cancellationToken);

        var peak = 0.0;
        var copy = await TimeAsync("copied and derived", async processor =>
        {
            await Cdc.Contenders.Star.CopiedAsync(server, cancellationToken);
            await DerivedAsync(server);
        });
        await ForgetFactsAsync(server);
        var derive = await TimeAsync("derived once more", _ => DerivedAsync(server));
        double verify = 0, customer = 0, orders = 0;
        await TimeAsync("compared and changed", async processor =>
        {
            verify = await VerifyAsync(processor);
            customer = await MedianAsync(n => ChangeAsync(
                () => GrowthStore.MoveAsync(database, 1 + (n % GrowthStore.Timed), $"Moved {n}", cancellationToken),
                () => GrowthStore.HasMovedAsync(server, 1 + (n % GrowthStore.Timed), $"Moved {n}", cancellationToken)));
            orders = await MedianAsync(n => ChangeAsync(
                () => GrowthStore.OrderAsync(database, FirstOrder + (n * 100), cancellationToken),
                () => GrowthStore.HaveOrdersAsync(server, FirstOrder + (n * 100), cancellationToken)));
        });
        return new(items, items + (items / GrowthStore.ItemsOfOrder), copy, derive, verify, customer, orders, peak);

        async Task<double> TimeAsync(string what, Func<ProcessorProgram, Task> work)
        {
            var start = Stopwatch.GetTimestamp();
            await using var processor = StartProcessor(database, server);
            await processor.ReadyAsync(cancellationToken);
            await work(processor);
            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            peak = Math.Max(peak, ProcessUsage.Of(await processor.Pid)?.PeakMb ?? 0);
            CdcTable.Say(string.Create(Culture, $"{items:N0} items: {what} in {seconds:0.0} s"));
            return seconds;
        }
    }

    private ProcessorProgram StartProcessor(StoreDatabase database, ClickHouseServer server) => ProcessorProgram.Start(new()
    {
        ["Cdc__Model"] = database.Model,
        ["ConnectionStrings__shop"] = database.Replication.ConnectionString,
        ["ConnectionStrings__clickhouse"] = server.ConnectionString,
        ["Cdc__Publication"] = StoreDatabase.Publication,
        ["Cdc__Slot"] = Slot,
    }, Log);

    private Task DerivedAsync(ClickHouseServer server) => Poll.UntilAsync(
        () => server.CountsAsync("SELECT count() FROM cdc_progress WHERE kind = 'fact' AND state != ''", Facts, cancellationToken),
        Poll.Drain, cancellationToken);

    /// <summary>What the migrator says of a fact that has another definition.</summary>
    private async Task ForgetFactsAsync(ClickHouseServer server)
    {
        await server.QueryAsync("TRUNCATE TABLE order_fact", cancellationToken);
        await server.QueryAsync("TRUNCATE TABLE orderitem_fact", cancellationToken);
        await server.QueryAsync(
            """
            INSERT INTO cdc_progress (kind, name, state, position, updated_at, version)
            SELECT 'fact', arrayJoin(['order_fact', 'orderitem_fact']), '', 0, now64(6), toUnixTimestamp64Micro(now64(6))
            """, cancellationToken);
    }

    private async Task<double> VerifyAsync(ProcessorProgram processor)
    {
        var start = Stopwatch.GetTimestamp();
        await using var verify = BuiltProgram.Start("CdcProcessor", ["verify", "--address", processor.Address.ToString()], [], Log);
        await verify.SucceededAsync(cancellationToken);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private async Task<double> ChangeAsync(Func<Task> commit, Func<Task<bool>> isVisible)
    {
        await commit();
        var start = Stopwatch.GetTimestamp();
        await Poll.UntilAsync(isVisible, Poll.Commit, cancellationToken);
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private async Task<double> MedianAsync(Func<int, Task<double>> measure)
    {
        const int WarmUp = 3;
        var figures = new List<double>();
        for (var n = 0; n < WarmUp + options.Changes; n++)
            figures.Add(await measure(n));
        return Statistics.Median(figures[WarmUp..]);
    }

    private static void Write(GrowthReport report)
    {
        var table = new Table { Title = new("What size costs"), Border = TableBorder.Rounded };
        foreach (var column in (string[])["items", "copy and derive, rows/s", "derive, facts/s", "compare, rows/s",
            "a customer, ms", "100 orders, ms", "peak MB"])
            table.AddColumn(new TableColumn(column).RightAligned());
        foreach (var size in report.Sizes)
        {
            table.AddRow(
                size.Items.ToString("N0", Culture), Thousands(size.Rows / size.CopySeconds), Thousands(size.Rows / size.DeriveSeconds),
                // Tables, and as many facts.
                Thousands(2 * size.Rows / size.VerifySeconds), size.CustomerMilliseconds.ToString("0", Culture),
                size.OrdersMilliseconds.ToString("0", Culture), size.ProcessorPeakMb.ToString("0", Culture));
        }
        AnsiConsole.Write(table);
        if (report.LoadAtEnd is { } load)
            AnsiConsole.MarkupLineInterpolated(Culture, $"[dim]Load at the end: {load:0.00} on {report.Machine.Cores} cores.[/]");
    }

    private static string Thousands(double perSecond) => (perSecond / 1000).ToString("0", Culture) + " k";

    private void Log(string line)
    {
        if (options.Verbose)
            Console.WriteLine(line);
    }
}
