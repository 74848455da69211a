using AspireCdc.AppHost.Embedded;
using AspireCdc.Tests.Fixtures;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>
/// The invariant under random work, with the processor killed at random points: afterwards every table in ClickHouse equals the SQL over
/// PostgreSQL. A seed that failed is replayed with ORACLE_SEED=…; LONG_TESTS=1 runs many.
/// </summary>
public sealed class OracleTests(PostgresServer postgres, ClickHouseServer clickhouse, ITestOutputHelper output)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string, int> Seeds() => Oracle.Seeds(usual: 2, many: 40);

    [Theory]
    [MemberData(nameof(Seeds), DisableDiscoveryEnumeration = true)]
    public async Task The_star_equals_the_join_whatever_was_killed_on_the_way(string name, int seed)
    {
        output.WriteLine($"ORACLE_SEED={seed}");
        var random = new Random(seed);
        var example = Example.Of(name);
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel, example);
        await shop.ExecuteAsync(example.Prepare, Cancel);
        if (random.Next(2) == 0)
            await shop.ExecuteAsync($"ALTER TABLE {(example == Example.Deep ? "film_person" : "orderitem")} REPLICA IDENTITY FULL", Cancel);
        // Every change comes as soon as it is decoded, and most of its transaction after it.
        if (random.Next(2) == 0)
            await shop.ExecuteAsync($"ALTER DATABASE {shop.Postgres.Name} SET debug_logical_replication_streaming = 'immediate'", Cancel);

        RandomWork[] writers =
            [new(random.Next(), shop.Postgres.ConnectionString, example), new(random.Next(), shop.Postgres.ConnectionString, example)];
        await writers[0].RunAsync(60, Cancel);
        var address = $"http://127.0.0.1:{FreePort.Next()}";
        for (var round = 0; round < 4; round++)
        {
            // Small batches end inside transactions.
            await using var processor = GuardedProcess.Start(
                ["dotnet", Repository.ProgramOf("CdcProcessor"), .. shop.Arguments, "--urls", address, "--Cdc:BatchChanges",
                    $"{random.Next(1, 300)}"],
                new Dictionary<string, string>(), line => shop.Log.Add(line));
            var working = writers.Select(writer => writer.RunAsync(random.Next(30, 120), Cancel)).ToArray();
            var resyncs = random.Next(2) == 0;
            var life = random.Next(0, 2000);
            var streamed = await StreamsAsync(shop, processor, round);
            if (resyncs && streamed)
                await Oracle.RequestResyncAsync(address, example, Cancel);
            await Task.Delay(life, Cancel);
            await processor.KillAsync();
            await Task.WhenAll(working);
            Oracle.RecordKill(shop, round);
        }

        await shop.StartAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.WaitUntilCopiedAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        output.WriteLine($"{writers.Sum(writer => writer.Committed)} transactions");
    }

    /// <summary>Now and then a processor dies before it streams; most get so far.</summary>
    private static async Task<bool> StreamsAsync(Store shop, GuardedProcess processor, int round)
    {
        if (round == 1)
            return false;

        await Oracle.WaitForStreamAsync(shop, () => processor.Exited.IsCompleted, Cancel);
        return true;
    }
}
