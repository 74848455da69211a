using AspireCdc.AppHost.Embedded;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using Xunit;

namespace AspireCdc.Tests.Kafka;

/// <summary>
/// The direct pair's oracle over the topic: random work, the connector and two processors killed at random points, a table copied anew in between; afterwards every table equals
/// the SQL over PostgreSQL. A seed that failed is replayed with ORACLE_SEED=…; LONG_TESTS=1 runs many.
/// </summary>
public sealed class KafkaOracleTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka, ITestOutputHelper output)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<int> Seeds()
    {
        if (int.TryParse(Environment.GetEnvironmentVariable("ORACLE_SEED"), out var replayed))
            return [replayed];

        var seeds = new TheoryData<int>();
        for (var i = Environment.GetEnvironmentVariable("LONG_TESTS") == "1" ? 20 : 1; i > 0; i--)
            seeds.Add(Random.Shared.Next());
        return seeds;
    }

    [Theory]
    [MemberData(nameof(Seeds), DisableDiscoveryEnumeration = true)]
    public async Task The_star_equals_the_join_whatever_was_killed_on_the_way(int seed)
    {
        output.WriteLine($"ORACLE_SEED={seed}");
        var random = new Random(seed);
        await using var shop = await Shop.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync("ALTER TABLE customer ALTER COLUMN name SET STORAGE EXTERNAL; ALTER TABLE customer SET (toast_tuple_target = 128)", Cancel);
        // A killed member of the group is missed soon.
        string[] settings = [.. shop.Arguments, .. kafka.Arguments(kafka.NewTopic(create: false)), "--Cdc:Kafka:session.timeout.ms", "6000", "--Logging:LogLevel:Npgsql", "Warning"];
        RandomWork[] writers = [new(random.Next(), shop.Postgres.ConnectionString), new(random.Next(), shop.Postgres.ConnectionString)];
        await writers[0].RunAsync(60, Cancel);

        for (var round = 0; round < 3; round++)
        {
            var address = $"http://127.0.0.1:{FreePort.Next()}";
            await using var connector = Start(["--sink", "kafka", "--urls", address, "--Cdc:BatchChanges", $"{random.Next(1, 300)}"]);
            await using var first = Start(["--source", "kafka", "--Cdc:BatchChanges", $"{random.Next(1, 300)}"]);
            await using var second = Start(["--source", "kafka"]);
            var working = writers.Select(writer => writer.RunAsync(random.Next(30, 120), Cancel)).ToArray();
            await Wait.ForAsync(() => Task.FromResult(shop.Log.ToString()), StreamsAgain, "the connector to stream; what was logged", Cancel, TimeSpan.FromSeconds(60));
            if (round == 1)
                await ResyncAsync(address);
            foreach (var process in new[] { connector, first, second }.OrderBy(_ => random.Next()))
            {
                await Task.Delay(random.Next(0, 1500), Cancel);
                await process.KillAsync();
            }
            await Task.WhenAll(working);
            shop.Log.Add($"--- killed in round {round}");
        }

        await using var last = Start(["--sink", "kafka"]);
        await using var reader = Start(["--source", "kafka"]);
        await shop.AssertStarEqualsJoinAsync(Cancel, TimeSpan.FromSeconds(120));
        output.WriteLine($"{writers.Sum(writer => writer.Committed)} transactions");

        GuardedProcess Start(string[] role) =>
            GuardedProcess.Start(["dotnet", Repository.ProgramOf("CdcProcessor"), .. settings, .. role], new Dictionary<string, string>(), line => shop.Log.Add(line));
    }

    private static bool StreamsAgain(string log) => log[Math.Max(0, log.LastIndexOf("--- killed", StringComparison.Ordinal))..].Contains("Streaming from slot");

    private static async Task ResyncAsync(string address)
    {
        using var http = new HttpClient();
        try
        {
            using var answer = await http.PostAsync($"{address}/operations/resync?table=orderitem&table=order", null, Cancel);
        }
        catch (HttpRequestException)
        {
            // Not up yet.
        }
    }
}
