using AspireCdc.AppHost.Embedded;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using Xunit;

namespace AspireCdc.Tests.Kafka;

/// <summary>
/// The direct pair's oracle over the topic: random work, the connector and two processors killed at random points, a table copied anew in
/// between; afterwards every table equals the SQL over PostgreSQL. A seed that failed is replayed with
/// ORACLE_SEED=…; LONG_TESTS=1 runs many.
/// </summary>
public sealed class KafkaOracleTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka, ITestOutputHelper output)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string, int> Seeds() => Oracle.Seeds(usual: 1, many: 20);

    [Theory]
    [MemberData(nameof(Seeds), DisableDiscoveryEnumeration = true)]
    public async Task The_star_equals_the_join_whatever_was_killed_on_the_way(string name, int seed)
    {
        output.WriteLine($"ORACLE_SEED={seed}");
        var random = new Random(seed);
        var example = Example.Of(name);
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel, example);
        await shop.ExecuteAsync(example.Prepare, Cancel);
        string[] settings = [.. shop.Arguments, .. kafka.Arguments(kafka.NewTopic(create: false)), "--Logging:LogLevel:Npgsql", "Warning"];
        RandomWork[] writers =
            [new(random.Next(), shop.Postgres.ConnectionString, example), new(random.Next(), shop.Postgres.ConnectionString, example)];
        await writers[0].RunAsync(60, Cancel);

        for (var round = 0; round < 3; round++)
        {
            var address = $"http://127.0.0.1:{FreePort.Next()}";
            await using var connector = Start(["--sink", "kafka", "--urls", address, "--Cdc:BatchChanges", $"{random.Next(1, 300)}"]);
            await using var first = Start(["--source", "kafka", "--Cdc:BatchChanges", $"{random.Next(1, 300)}"]);
            await using var second = Start(["--source", "kafka"]);
            var working = writers.Select(writer => writer.RunAsync(random.Next(30, 120), Cancel)).ToArray();
            await Oracle.WaitForStreamAsync(shop, () => false, Cancel);
            if (round == 1)
                await Oracle.RequestResyncAsync(address, example, Cancel);
            foreach (var process in new[] { connector, first, second }.OrderBy(_ => random.Next()))
            {
                await Task.Delay(random.Next(0, 1500), Cancel);
                await process.KillAsync();
            }
            await Task.WhenAll(working);
            Oracle.RecordKill(shop, round);
        }

        await using var last = Start(["--sink", "kafka"]);
        await using var reader = Start(["--source", "kafka"]);
        await shop.AssertStarEqualsJoinAsync(Cancel, TimeSpan.FromSeconds(120));
        output.WriteLine($"{writers.Sum(writer => writer.Committed)} transactions");

        GuardedProcess Start(string[] role) =>
            GuardedProcess.Start(["dotnet", Repository.ProgramOf("CdcProcessor"), .. settings, .. role], new Dictionary<string, string>(),
                line => shop.Log.Add(line));
    }
}
