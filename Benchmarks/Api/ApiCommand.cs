using System.Globalization;
using System.Text.Json;
using AspireCdc.Benchmarks.Machine;
using Spectre.Console;

namespace AspireCdc.Benchmarks.Api;

/// <summary><c>Benchmarks api</c>: the API and pgbench take turns over one database.</summary>
internal static class ApiCommand
{
    public const string Verb = "api";

    /// <summary>What the API sends to PostgreSQL for a GET by id.</summary>
    private const string Select = $"""
        \set id random(1, 10000)
        SELECT c.id, c.city, c.country, c.created_at, c.email, c.name FROM customer AS c WHERE c.id = :id LIMIT 1;
        """;

    /// <summary>For a POST: the row, then the position of its commit.</summary>
    private const string Insert = """
        \set n random(1, 9000000000000000)
        INSERT INTO customer (city, country, email, name)
            VALUES ('San Francisco', 'USA', 'pgbench-' || :client_id || '-' || :n, 'Jane Doe') RETURNING id, created_at;
        SELECT pg_current_wal_flush_lsn()::text;
        """;

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(3);
    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;
    private static readonly JsonSerializerOptions JsonOptions =
        new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    public static Task<int> RunAsync(string[] args) => Command.RunAsync(args, ApiOptions.Usage, async cancellationToken =>
    {
        await RunAsync(ApiOptions.Parse(args), cancellationToken);
        return true;
    });

    private static async Task RunAsync(ApiOptions options, CancellationToken cancellationToken)
    {
        var machine = MachineState.Now();
        AnsiConsole.WriteLine(string.Create(
            Culture, $"{machine.Processor}, {machine.Cores} cores, load {machine.Load:0.00}; {machine.System}; {machine.Runtime}"));
        AnsiConsole.WriteLine(
            $"{options.Connections} clients on the same machine, {options.Rounds} rounds of {options.Seconds} s each, " +
            $"{ApiServer.Customers:N0} customers");
        if (machine.Load > machine.Cores / 2.0) AnsiConsole.MarkupLine("[yellow]The machine is busy: compare ratios, not figures.[/]");

        using var folder = new TemporaryFolder();
        await using var server =
            await ApiServer.StartAsync(await Checkout.BinariesAsync(AnsiConsole.WriteLine, cancellationToken), folder, cancellationToken);
        var pgbench = Pgbench.Find();
        if (pgbench is null)
            AnsiConsole.MarkupLine("[dim]This machine has no pgbench (Debian: postgresql-contrib); its rows are left out.[/]");

        var contenders = Contenders(server, pgbench, folder, options);
        foreach (var contender in contenders.Where(contender => contender.WarmsUp)) await contender.RunAsync(WarmUp, cancellationToken);
        var figures = contenders.ToDictionary(contender => contender.Name, _ => new List<Measurement>());
        for (var round = 0; round < options.Rounds; round++)
            foreach (var contender in contenders)
                figures[contender.Name].Add(await MeasureAsync(contender));

        Write(figures);
        var path = options.Json
            ?? Path.Combine(Checkout.Root, "Benchmarks", "results", $"api-{machine.At.ToString("yyyyMMdd-HHmmss", Culture)}.json");
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        await File.WriteAllTextAsync(path, JsonSerializer.Serialize(
            new { machine, options, figures, loadAtEnd = MachineState.LoadAverage() }, JsonOptions), cancellationToken);
        AnsiConsole.WriteLine($"Figures in {path}");

        async Task<Measurement> MeasureAsync(Contender contender)
        {
            var before = CpuShares.Now(server);
            var measured = await contender.RunAsync(TimeSpan.FromSeconds(options.Seconds), cancellationToken);
            return measured with { Cpu = CpuShares.Now(server).Since(before, measured.Requests) };
        }
    }

    private static Contender[] Contenders(ApiServer server, Pgbench? pgbench, TemporaryFolder folder, ApiOptions options)
    {
        var run = Guid.NewGuid().ToString("N");
        Contender[] api =
        [
            new("GET by id", (duration, cancellation) =>
                HttpLoad.RunAsync(server.Port, Get, "HTTP/1.1 200", options.Connections, duration, cancellation)),
            new("POST", (duration, cancellation) =>
                HttpLoad.RunAsync(server.Port, number => Post(run, number), "HTTP/1.1 201", options.Connections, duration, cancellation)),
        ];
        if (pgbench is null) return api;
        return
        [
            api[0],
            new("the same SELECT by pgbench", (_, cancellation) => pgbench.RunAsync(server.Postgres, Select, folder, options, cancellation),
                WarmsUp: false),
            api[1],
            new("the same INSERT by pgbench", (_, cancellation) => pgbench.RunAsync(server.Postgres, Insert, folder, options, cancellation),
                WarmsUp: false),
        ];
    }

    private static string Get(int number) =>
        $"GET /api/customers/{Random.Shared.Next(1, ApiServer.Customers + 1)} HTTP/1.1\r\nHost: localhost\r\n\r\n";

    private static string Post(string run, int number)
    {
        var body =
            $$"""{"email":"{{run}}-{{number}}-{{Random.Shared.NextInt64()}}@example.com",""" +
            "\"name\":\"Jane Doe\",\"country\":\"USA\",\"city\":\"San Francisco\"}";
        return "POST /api/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
            $"{body.Length}\r\n\r\n{body}";
    }

    private static void Write(Dictionary<string, List<Measurement>> figures)
    {
        var table = new Table { Border = TableBorder.Rounded };
        table.AddColumn("medians");
        foreach (var column in (string[])["per second", "range", "p50 ms", "p99 ms", "CPU ms: client", "API", "server"])
            table.AddColumn(new TableColumn(column).RightAligned());
        foreach (var (name, rounds) in figures)
        {
            double[] perSecond = [.. rounds.Select(round => round.PerSecond)];
            table.AddRow(name, Median(perSecond, "N0"), string.Create(Culture, $"{perSecond.Min():N0}–{perSecond.Max():N0}"),
                Median([.. rounds.Select(round => round.P50)], "0.00"), Median([.. rounds.Select(round => round.P99)], "0.00"),
                Median([.. rounds.Select(round => round.Cpu.Client)], "0.000"), Median([.. rounds.Select(round => round.Cpu.Api)], "0.000"),
                Median([.. rounds.Select(round => round.Cpu.Postgres)], "0.000"));
        }
        AnsiConsole.Write(table);

        static string Median(double[] values, string format) => Statistics.Median(values).ToString(format, Culture);
    }

    private sealed record Contender(string Name, Func<TimeSpan, CancellationToken, Task<Measurement>> RunAsync, bool WarmsUp = true);
}
