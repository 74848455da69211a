using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using AspireCdc.Benchmarks.Machine;
using Spectre.Console;

namespace AspireCdc.Benchmarks.Latency;

/// <summary><c>Benchmarks latency</c>: the whole way of a row, from a POST to the API until a reader of ClickHouse sees it.</summary>
internal sealed class LatencyCommand : IDisposable
{
    public const string Verb = "latency";

    private const int WarmUp = 10;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly LatencyOptions _options;
    private readonly HttpClient _api;
    private readonly HttpClient _clickHouse;

    private LatencyCommand(LatencyOptions options)
    {
        _options = options;
        _api = new HttpClient { BaseAddress = options.Api };
        _clickHouse = new HttpClient { BaseAddress = options.ClickHouse };
        _clickHouse.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", options.Credentials);
    }

    public static async Task<int> RunAsync(string[] args)
    {
        if (args.Any(arg => arg.TrimStart('-') is "help" or "h" or "?"))
        {
            Console.WriteLine(LatencyOptions.Usage);
            return 0;
        }
        try
        {
            using var command = new LatencyCommand(LatencyOptions.Parse(args));
            await command.RunAsync();
            return 0;
        }
        catch (FormatException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 2;
        }
        catch (Exception e) when (e is HttpRequestException or TimeoutException)
        {
            await Console.Error.WriteLineAsync($"{e.Message} The graph has to run: dotnet run --project AppHost");
            return 1;
        }
    }

    public void Dispose()
    {
        _api.Dispose();
        _clickHouse.Dispose();
    }

    private async Task RunAsync()
    {
        var machine = MachineState.Now();
        AnsiConsole.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{machine.Processor}, {machine.Cores} cores, load {machine.Load:0.00}; {_options.Api} to {_options.ClickHouse}"));

        var run = Guid.NewGuid().ToString("N")[..8];
        var customers = new List<long>();
        try
        {
            var ofCustomers = await MeasureAsync("customers", "customer_dim WHERE customer_id", customers.Add,
                n => new { name = $"Benchmark {n}", email = $"{run}-{n}@benchmark.example", country = "Nowhere", city = "Benchmark" });
            var ofOrders = await MeasureAsync("orders", "order_fact WHERE order_id", _ => { }, n =>
                new { customerId = customers[n % customers.Count], total = 42.42m });
            Write(("POST /api/customers → customer_dim", ofCustomers), ("POST /api/orders → order_fact", ofOrders));
        }
        finally
        {
            // Its orders go with a customer.
            foreach (var id in customers)
                (await _api.DeleteAsync($"/api/customers/{id}")).Dispose();
        }
    }

    private async Task<List<Way>> MeasureAsync(string resource, string table, Action<long> made, Func<int, object> body)
    {
        var ways = new List<Way>();
        var random = new Random(1);
        for (var n = 0; n < WarmUp + _options.Commits; n++)
        {
            await Task.Delay(random.Next(20, 120));
            var start = Stopwatch.GetTimestamp();
            using var response = await _api.PostAsJsonAsync($"/api/{resource}", body(n));
            var answered = Stopwatch.GetElapsedTime(start);
            var answer = await response.Content.ReadAsStringAsync();
            if (!response.IsSuccessStatusCode)
                throw new HttpRequestException($"POST /api/{resource} answered {(int)response.StatusCode}: {answer}");
            using var row = JsonDocument.Parse(answer);
            var id = row.RootElement.GetProperty("id").GetInt64();
            made(id);
            while (await CountAsync($"SELECT count() FROM {table} = {id}") == 0)
            {
                if (Stopwatch.GetElapsedTime(start) > Patience)
                    throw new TimeoutException($"Row {id} of {resource} did not reach ClickHouse within {Patience.TotalSeconds:0} s.");
            }
            if (n >= WarmUp)
                ways.Add(new(answered.TotalMilliseconds, Stopwatch.GetElapsedTime(start).TotalMilliseconds));
        }
        return ways;
    }

    private async Task<int> CountAsync(string sql)
    {
        using var content = new StringContent(sql);
        using var response = await _clickHouse.PostAsync($"/?database={Uri.EscapeDataString(_options.Database)}", content);
        var answer = await response.Content.ReadAsStringAsync();
        return response.IsSuccessStatusCode ? int.Parse(answer, CultureInfo.InvariantCulture)
            : throw new HttpRequestException($"ClickHouse answered {(int)response.StatusCode}: {answer}");
    }

    private static void Write(params (string Name, List<Way> Ways)[] rows)
    {
        var table = new Table { Title = new("From POST to visible, ms"), Border = TableBorder.Rounded };
        table.AddColumns("way", "rows");
        foreach (var column in (string[])["answered p50", "visible p50", "p90", "p99", "most"])
            table.AddColumn(new TableColumn(column).RightAligned());
        foreach (var (name, ways) in rows)
        {
            var visible = ways.ConvertAll(way => way.Visible);
            table.AddRow(name, ways.Count.ToString(CultureInfo.InvariantCulture),
                Text(Statistics.Percentile(ways.ConvertAll(way => way.Answered), 0.5)), Text(Statistics.Percentile(visible, 0.5)),
                Text(Statistics.Percentile(visible, 0.9)), Text(Statistics.Percentile(visible, 0.99)), Text(visible.Max()));
        }
        AnsiConsole.Write(table);

        static string Text(double milliseconds) => milliseconds.ToString("0.0", CultureInfo.InvariantCulture);
    }

    /// <summary>One row: milliseconds from the request's start to its answer, and to the row in ClickHouse.</summary>
    private readonly record struct Way(double Answered, double Visible);
}
