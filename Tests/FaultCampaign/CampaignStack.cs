using AspireCdc.AppHost.Embedded;
using AspireCdc.CdcProcessor.Operations;
using AspireCdc.Star.Model;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AspireCdc.Tests.Kafka;
using Npgsql;

namespace AspireCdc.Tests.FaultCampaign;

/// <summary>
/// Servers and processors of one run, each a process of its own that can be killed and started again, and all that is done to them.
/// </summary>
internal sealed class CampaignStack : IAsyncDisposable
{
    private readonly OwnPostgres _postgres;
    private readonly OwnClickHouse _clickhouse;
    private readonly KafkaBroker? _kafka;
    private readonly string[] _topic;
    private readonly string _address = $"http://127.0.0.1:{FreePort.Next()}";
    private readonly string _connectorAddress = $"http://127.0.0.1:{FreePort.Next()}";
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, GuardedProcess> _processors = [];
    private int _models;

    private CampaignStack(OwnPostgres postgres, OwnClickHouse clickhouse, KafkaBroker? kafka, Store shop)
    {
        (_postgres, _clickhouse, _kafka, Shop) = (postgres, clickhouse, kafka, shop);
        _topic = kafka?.Arguments(kafka.NewTopic()) ?? [];
    }

    public Store Shop { get; }

    /// <summary>What can be killed.</summary>
    public IReadOnlyList<string> Victims =>
        _kafka is null ? ["processor", "postgres", "clickhouse"] : ["processor", "processor2", "connector", "postgres", "clickhouse"];

    public static async Task<CampaignStack> StartAsync(KafkaBroker? kafka, CancellationToken cancellationToken)
    {
        var postgres = await PostgresServer.StartOwnAsync(cancellationToken);
        var clickhouse = await ClickHouseServer.StartOwnAsync(cancellationToken);
        var shop = await Store.CreateAsync(Task.FromResult(new TestDatabase("shop", postgres.ConnectionString)),
            clickhouse.CreateDatabaseAsync("shop", cancellationToken), cancellationToken);
        var stack = new CampaignStack(postgres, clickhouse, kafka, shop);
        await shop.ExecuteAsync(Example.Store.Prepare, cancellationToken);
        stack.StartProcessors();
        return stack;
    }

    /// <summary>Kills one, leaves it away for a while, and starts it again.</summary>
    public async Task KillAsync(string victim, TimeSpan away, CancellationToken cancellationToken)
    {
        Shop.Log.Add($"--- {victim} is killed, for {away.TotalSeconds:0.0} s");
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
            default:
                await _processors[victim].KillAsync();
                await Task.Delay(away, cancellationToken);
                await _processors[victim].DisposeAsync();
                Start(victim);
                break;
        }
    }

    /// <summary>Has tables copied anew, if somebody hears it.</summary>
    public Task ResyncAsync(CancellationToken cancellationToken) =>
        Oracle.RequestResyncAsync(_kafka is null ? _address : _connectorAddress, Example.Store, cancellationToken);

    /// <summary>Gives a fact another definition, and every processor the model that has it.</summary>
    public async Task RedefineAsync(Random random, CancellationToken cancellationToken)
    {
        var facts = Shop.Model.Facts.ToList();
        var fact = facts[^1];
        facts[^1] = fact with
        {
            Columns = [.. fact.Columns.Select(
            column => column.Name != "revenue" ? column : column
            with { Expression = $"CAST(root.price, 'Decimal(38, 2)') * root.quantity + {random.Next(1, 100)}" })]
        };
        await Task.WhenAll(_processors.Values.Select(processor => processor.KillAsync()));
        await Shop.MigrateToAsync(Shop.Model with { Facts = facts }, cancellationToken);
        foreach (var processor in _processors.Values)
            await processor.DisposeAsync();
        StartProcessors();
    }

    /// <summary>
    /// Compares all with PostgreSQL as a user would, as soon as a processor streams; returns what was printed if rows differ.
    /// </summary>
    public async Task<string?> VerifyAsync(CancellationToken cancellationToken, Action<string>? say = null)
    {
        var printed = "";
        var deadline = DateTime.UtcNow + TimeSpan.FromMinutes(5);
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
        await _clickhouse.DisposeAsync();
        await _postgres.DisposeAsync();
        _folder.Dispose();
    }

    private void StartProcessors()
    {
        File.WriteAllText(ModelFile(++_models), StarFile.Write(Shop.Model));
        foreach (var name in Victims.Where(victim => victim is not ("postgres" or "clickhouse")))
            Start(name);
    }

    private string ModelFile(int number) => Path.Combine(_folder.Path, $"star{number}.json");

    private void Start(string name)
    {
        string[] role = name switch
        {
            "connector" => ["--sink", "kafka", "--urls", _connectorAddress],
            "processor2" => ["--source", "kafka"],
            _ => _kafka is null ? ["--urls", _address] : ["--source", "kafka", "--urls", _address],
        };
        _processors[name] = GuardedProcess.Start(
            ["dotnet", Repository.ProgramOf("CdcProcessor"), .. Shop.Arguments, .. _topic, .. role, "--Cdc:Model", ModelFile(_models),
                "--Logging:LogLevel:Npgsql", "Warning"],
            new Dictionary<string, string>(), line => Shop.Log.Add($"{name}: {line}"));
    }
}
