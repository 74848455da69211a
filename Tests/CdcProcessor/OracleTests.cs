using AspireCdc.AppHost.Embedded;
using AspireCdc.Tests.Fixtures;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>
/// The invariant under random work, with the processor killed at random points: afterwards every table in ClickHouse equals the SQL over PostgreSQL. A seed that failed is replayed with
/// ORACLE_SEED=…; LONG_TESTS=1 runs many.
/// </summary>
public sealed class OracleTests(PostgresServer postgres, ClickHouseServer clickhouse, ITestOutputHelper output)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<int> Seeds()
    {
        if (int.TryParse(Environment.GetEnvironmentVariable("ORACLE_SEED"), out var replayed))
            return [replayed];

        var seeds = new TheoryData<int>();
        var count = Environment.GetEnvironmentVariable("LONG_TESTS") == "1" ? 40 : 2;
        for (var i = 0; i < count; i++)
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
        if (random.Next(2) == 0)
            await shop.ExecuteAsync("ALTER TABLE orderitem REPLICA IDENTITY FULL", Cancel);

        RandomWork[] writers = [new(random.Next(), shop.Postgres.ConnectionString), new(random.Next(), shop.Postgres.ConnectionString)];
        await writers[0].RunAsync(60, Cancel);
        var address = $"http://127.0.0.1:{FreePort.Next()}";
        for (var round = 0; round < 6; round++)
        {
            // Small batches end inside transactions.
            await using var processor = GuardedProcess.Start(
                ["dotnet", Repository.ProgramOf("CdcProcessor"), .. shop.Arguments, "--urls", address, "--Cdc:BatchChanges", $"{random.Next(1, 300)}"],
                new Dictionary<string, string>(), line => shop.Log.Add(line));
            var working = writers.Select(writer => writer.RunAsync(random.Next(30, 120), Cancel)).ToArray();
            var killed = Task.Delay(random.Next(300, 4000), Cancel);
            if (random.Next(3) == 0)
                await RequestResyncAsync(address);
            await Task.WhenAll(working);
            await killed;
            await processor.KillAsync();
            shop.Log.Add($"--- killed in round {round}");
        }

        await shop.StartAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await Wait.ForAsync(() => shop.QueryAsync("SELECT countIf(state = 'Done') FROM cdc_progress WHERE kind = 'copy'", Cancel), done => done == "4\n", $"all copies to be done; log:\n{shop.Log}\n", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        output.WriteLine($"{writers.Sum(writer => writer.Committed)} transactions");
    }

    private static async Task RequestResyncAsync(string address)
    {
        using var http = new HttpClient();
        try
        {
            await Task.Delay(1500, Cancel);
            using var answer = await http.PostAsync($"{address}/operations/resync?table=orderitem&table=order", null, Cancel);
        }
        catch (HttpRequestException)
        {
            // Not up yet, or killed already.
        }
    }
}
