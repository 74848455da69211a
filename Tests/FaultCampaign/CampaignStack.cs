using AspireCdc.AppHost.Embedded;
using AspireCdc.CdcProcessor.Operations;
using AspireCdc.Star.Model;
using AspireCdc.Star.Postgres;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using Npgsql;

namespace AspireCdc.Tests.FaultCampaign;

/// <summary>
/// Servers and processors of one run, each a process of its own that can be killed and started again, and all that is done to them.
/// </summary>
internal sealed class CampaignStack : IAsyncDisposable
{
    private readonly OwnPostgres _postgres;
    private readonly OwnClickHouse _clickhouse;
    private readonly CampaignBroker? _broker;
    private readonly string _address = $"http://127.0.0.1:{FreePort.Next()}";
    private readonly string _connectorAddress = $"http://127.0.0.1:{FreePort.Next()}";
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, GuardedProcess> _processors = [];
    private readonly SemaphoreSlim _one = new(1);
    private int _models;

    private CampaignStack(OwnPostgres postgres, OwnClickHouse clickhouse, CampaignBroker? broker, Store shop) =>
        (_postgres, _clickhouse, _broker, Shop) = (postgres, clickhouse, broker, shop);

    public Store Shop { get; }

    /// <summary>What can be killed.</summary>
    public IReadOnlyList<string> Victims { get; private init; } = [];

    /// <summary>Who copies tables, and knows of their doubts.</summary>
    private string Owner => _broker is null ? _address : _connectorAddress;

    /// <param name="throughKafka">A connector, a broker and two processors in the place of one processor.</param>
    /// <param name="withTriggers">PostgreSQL tells of schema changes.</param>
    /// <param name="whileOpen">PostgreSQL sends changes before their transaction ends.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<CampaignStack> StartAsync(
        bool throughKafka, bool withTriggers, bool whileOpen, CancellationToken cancellationToken)
    {
        var postgres = await PostgresServer.StartOwnAsync(cancellationToken, new Dictionary<string, string>
        {
            ["debug_logical_replication_streaming"] = whileOpen ? "immediate" : "buffered",
        });
        var clickhouse = await ClickHouseServer.StartOwnAsync(cancellationToken);
        var shop = await Store.CreateAsync(Task.FromResult(new TestDatabase("shop", postgres.ConnectionString)),
            clickhouse.CreateDatabaseAsync("shop", cancellationToken), cancellationToken);
        var stack = new CampaignStack(postgres, clickhouse, throughKafka ? await CampaignBroker.StartAsync(shop.Log.Add, cancellationToken)
            : null, shop)
        {
            Victims = throughKafka ? ["processor", "processor2", "connector", "postgres", "clickhouse", "broker"]
                : ["processor", "postgres", "clickhouse"],
        };
        await shop.ExecuteAsync(Example.Store.Prepare, cancellationToken);
        foreach (var statement in withTriggers ? SchemaTrigger.All.SelectMany(trigger => trigger.Statements) : [])
            await shop.ExecuteAsync(statement, cancellationToken);
        stack.StartProcessors();
        return stack;
    }

    /// <summary>Kills one, leaves it away for a while, and starts it again.</summary>
    public async Task KillAsync(string victim, TimeSpan away, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            Shop.Log.Add($"--- {victim} is killed, for {away.TotalSeconds:0.0} s");
            await KillOneAsync(victim, away, cancellationToken);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Has tables copied anew, if somebody hears it.</summary>
    public Task ResyncAsync(CancellationToken cancellationToken) => PostAsync($"resync?{Example.Store.Resynced}", cancellationToken);

    /// <summary>Has everything started anew, likewise.</summary>
    public Task ResyncAllAsync(CancellationToken cancellationToken) => PostAsync("resync?all=true", cancellationToken);

    /// <summary>Gives a fact another definition, and every processor the model that has it.</summary>
    public async Task RedefineAsync(int number, CancellationToken cancellationToken)
    {
        var facts = Shop.Model.Facts.ToList();
        var fact = facts[^1];
        facts[^1] = fact with
        {
            Columns = [.. fact.Columns.Select(column => column.Name != "revenue"
                ? column : column with { Expression = $"CAST(root.price, 'Decimal(38, 2)') * root.quantity + {number}" })],
        };
        await _one.WaitAsync(cancellationToken);
        try
        {
            Shop.Log.Add("--- another definition");
            await Task.WhenAll(_processors.Values.Select(processor => processor.KillAsync()));
            await Shop.MigrateToAsync(Shop.Model with { Facts = facts }, cancellationToken);
            foreach (var processor in _processors.Values)
                await processor.DisposeAsync();
            StartProcessors();
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>
    /// Waits until every processor is ready without a warning, as its health says; where that names a command that cures a table, it is
    /// given.
    /// </summary>
    public async Task BecomeWellAsync(CancellationToken cancellationToken)
    {
        using var http = new HttpClient();
        foreach (var address in new[] { Owner, _address }.Distinct())
        {
            await Wait.ForAsync(
                async () =>
                {
                    var ready = await TryGetAsync(http, $"{address}/ready", cancellationToken);
                    foreach (
                        var table in Shop.Model.Tables.Where(table =>
                            ready.Contains($"resync {table.Source}' brings it up to date", StringComparison.Ordinal)))
                    {
                        await PostAsync($"resync?table={table.Source}", cancellationToken);
                        // What is asked for is seen with the next look only.
                        await Task.Delay(TimeSpan.FromSeconds(5), cancellationToken);
                    }
                    return ready;
                },
                ready => ready == "{\"status\":\"ok\"}", $"{address}/ready to be without a warning; the log:\n{Shop.Log}\n",
                    cancellationToken, TimeSpan.FromMinutes(8));
        }
    }

    /// <summary>
    /// Compares all with PostgreSQL as a user would, as soon as a processor streams; returns what was printed if rows differ.
    /// </summary>
    public async Task<string?> VerifyAsync(CancellationToken cancellationToken, Action<string>? say = null)
    {
        var printed = "";
        var deadline = DateTime.UtcNow + TimeSpan.FromMinutes(8);
        while (true)
        {
            using var output = new StringWriter();
            if (await Verbs.RunAsync(["verify", "--address", _address], output, output, cancellationToken) == 0)
            {
                say?.Invoke(output.ToString());
                return null;
            }
            printed = output.ToString();
            // Not up yet, standing by, copying, deriving: all of that ends by itself.
            if (printed.Contains("differ", StringComparison.Ordinal) || DateTime.UtcNow > deadline)
                return printed;
            await Task.Delay(500, cancellationToken);
        }
    }

    /// <summary>The resident memory of the processor, in MB.</summary>
    public async Task<long> MemoryAsync()
    {
        var status = await File.ReadAllLinesAsync($"/proc/{await _processors["processor"].Pid}/status");
        return long.Parse(status.First(line => line.StartsWith("VmRSS", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) / 1024;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var processor in _processors.Values)
            await processor.DisposeAsync();
        await Shop.DisposeAsync();
        if (_broker is not null)
            await _broker.DisposeAsync();
        await _clickhouse.DisposeAsync();
        await _postgres.DisposeAsync();
        _folder.Dispose();
        _one.Dispose();
    }

    private async Task KillOneAsync(string victim, TimeSpan away, CancellationToken cancellationToken)
    {
        switch (victim)
        {
            case "postgres":
                await _postgres.KillAsync();
                await Task.Delay(away, cancellationToken);
                await _postgres.StartAsync(cancellationToken);
                NpgsqlConnection.ClearAllPools();
                break;
            case "clickhouse":
                await _clickhouse.KillAsync();
                await Task.Delay(away, cancellationToken);
                await _clickhouse.StartAsync(cancellationToken);
                break;
            case "broker":
                await _broker!.KillAsync(away, cancellationToken);
                break;
            default:
                await _processors[victim].KillAsync();
                await Task.Delay(away, cancellationToken);
                await _processors[victim].DisposeAsync();
                Start(victim);
                break;
        }
    }

    private static async Task<string> TryGetAsync(HttpClient http, string address, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await http.GetAsync(address, cancellationToken);
            return (await response.Content.ReadAsStringAsync(cancellationToken)).Replace("\\u0027", "'", StringComparison.Ordinal);
        }
        catch (HttpRequestException)
        {
            return "it does not answer";
        }
    }

    private async Task PostAsync(string operation, CancellationToken cancellationToken)
    {
        using var http = new HttpClient();
        try
        {
            using var answer = await http.PostAsync($"{Owner}/operations/{operation}", null, cancellationToken);
            Shop.Log.Add($"--- {operation}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(cancellationToken)}");
        }
        catch (HttpRequestException)
        {
            // Not up yet, or killed already.
        }
    }

    private void StartProcessors()
    {
        File.WriteAllText(ModelFile(++_models), StarFile.Write(Shop.Model));
        foreach (var name in Victims.Where(victim => victim is not ("postgres" or "clickhouse" or "broker")))
            Start(name);
    }

    private string ModelFile(int number) => Path.Combine(_folder.Path, $"star{number}.json");

    private void Start(string name)
    {
        string[] role = name switch
        {
            "connector" => ["--sink", "kafka", "--urls", _connectorAddress],
            "processor2" => ["--source", "kafka"],
            _ => _broker is null ? ["--urls", _address] : ["--source", "kafka", "--urls", _address],
        };
        _processors[name] = GuardedProcess.Start(
            ["dotnet", Repository.ProgramOf("CdcProcessor"), .. Shop.Arguments, .. _broker?.Arguments ?? [], .. role, "--Cdc:Model",
                ModelFile(_models), "--Logging:LogLevel:Npgsql", "Warning"],
            new Dictionary<string, string>(), line => Shop.Log.Add($"{name}: {line}"));
    }
}
