using System.Diagnostics;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AspireCdc.Tests.Kafka;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.FaultCampaign;

/// <summary>
/// Kills of processors, PostgreSQL and ClickHouse at random moments under random work, with tables that change, are rewritten, copied anew
/// and shown by new definitions in between. Each run ends with <c>verify</c> and with the oracle. <c>CAMPAIGN_KILLS=200</c> runs it,
/// <c>CAMPAIGN_SEED</c> replays, <c>CAMPAIGN_SOAK=50000000</c> sends so many changes and tells memory, lag and parts.
/// </summary>
public sealed class FaultCampaignTests(KafkaBroker kafka, ITestOutputHelper output)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("direct")]
    [InlineData("kafka")]
    public async Task Everything_is_equal_whatever_is_killed(string pair)
    {
        Assert.SkipWhen(Campaign.Kills == 0, "CAMPAIGN_KILLS=200 runs the campaign.");
        var runs = (Campaign.Kills + Campaign.KillsOfARun - 1) / Campaign.KillsOfARun;
        for (var run = 0; run < runs; run++)
        {
            var clock = Stopwatch.StartNew();
            var done = await RunAsync(pair, Campaign.Seed + run);
            Say($"{pair}, CAMPAIGN_SEED={Campaign.Seed + run}: {done}, {clock.Elapsed.TotalSeconds:0} s");
        }
    }

    [Fact]
    public async Task Memory_lag_and_parts_stay_flat()
    {
        Assert.SkipWhen(Campaign.Soak == 0, "CAMPAIGN_SOAK=50000000 runs the soak.");
        await using var stack = await CampaignStack.StartAsync(null, Cancel);
        await stack.Shop.ExecuteAsync(Store.FewRows, Cancel);
        const int Items = 20_000;
        await stack.Shop.ExecuteAsync(
            $"INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT 1 + i % 10, 1, 1, 2.50 FROM generate_series(1, {Items}) i", Cancel);
        var clock = Stopwatch.StartNew();
        var sampled = TimeSpan.Zero;
        for (long changes = 0, round = 0; changes < Campaign.Soak; changes += Items, round++)
        {
            await stack.Shop.ExecuteAsync($"UPDATE orderitem SET quantity = {1 + (round % 1000)} WHERE id <= {Items}", Cancel);
            // The next round waits for this one: a soak is no flood.
            await Wait.ForAsync(
                () => stack.Shop.QueryAsync($"SELECT countIf(quantity = {1 + (round % 1000)}) >= {Items - 50} FROM orderitem_fact", Cancel),
                all => all == "1\n", "the round to arrive", Cancel, TimeSpan.FromMinutes(5));
            if (clock.Elapsed - sampled < TimeSpan.FromSeconds(10))
                continue;
            sampled = clock.Elapsed;
            var parts = (await stack.Shop.QueryAsync("SELECT count() FROM system.parts WHERE active AND database = currentDatabase()",
                Cancel)).TrimEnd();
            Say($"{clock.Elapsed.TotalSeconds:0} s: {changes + Items} changes, {await stack.MemoryAsync()} MB, {parts} parts");
        }
        Assert.Null(await stack.VerifyAsync(Cancel));
    }

    [Fact]
    public async Task A_large_table_is_compared_beside_the_stream()
    {
        Assert.SkipWhen(Campaign.Rows == 0, "CAMPAIGN_ROWS=10000000 measures a comparison.");
        await using var stack = await CampaignStack.StartAsync(null, Cancel);
        await stack.Shop.ExecuteAsync(Store.FewRows, Cancel);
        for (long rows = 0; rows < Campaign.Rows; rows += 100_000)
            await stack.Shop.ExecuteAsync(
                "INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT 1 + i % 10, 1, 1 + i % 50, 2.50 FROM generate_series(1, 100000) i", Cancel);
        await Wait.ForAsync(() => stack.Shop.QueryAsync("SELECT countIf(startsWith(state, 'Done')) FROM cdc_progress WHERE kind = 'copy'",
            Cancel), done => done == "4\n", "the copies", Cancel, TimeSpan.FromHours(1));
        Say($"{Campaign.Rows} rows copied, {await stack.MemoryAsync()} MB; a change arrives in {await LatencyAsync(20):0} ms");
        var clock = Stopwatch.StartNew();
        var verifying = stack.VerifyAsync(Cancel, Say);
        var latencies = new List<double>();
        long memory = 0;
        while (!verifying.IsCompleted)
        {
            latencies.Add(await LatencyAsync(5));
            memory = Math.Max(memory, await stack.MemoryAsync());
        }
        Assert.Null(await verifying);
        Say($"compared in {clock.Elapsed.TotalSeconds:0} s; {memory} MB at most; a change arrives in {latencies.Average():0} ms meanwhile");

        async Task<double> LatencyAsync(int changes)
        {
            var watch = Stopwatch.StartNew();
            for (var i = 0; i < changes; i++)
            {
                var value = Guid.NewGuid().ToString("N");
                await stack.Shop.ExecuteAsync($"UPDATE \"order\" SET status = '{value}' WHERE id = 1", Cancel);
                await Wait.ForAsync(() => stack.Shop.QueryAsync("SELECT status FROM order_fact WHERE order_id = 1", Cancel), seen =>
                    seen == value + "\n", "a change", Cancel, TimeSpan.FromMinutes(10));
            }
            return watch.Elapsed.TotalMilliseconds / changes;
        }
    }

    private void Say(string line)
    {
        output.WriteLine(line);
        Console.WriteLine(line);
    }

    private async Task<string> RunAsync(string pair, int seed)
    {
        var random = new Random(seed);
        await using var stack = await CampaignStack.StartAsync(pair == "kafka" ? kafka : null, Cancel);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        RandomWork[] writers = [new(random.Next(), stack.Shop.Postgres.ConnectionString),
            new(random.Next(), stack.Shop.Postgres.ConnectionString)];
        var working = writers.Select(writer => WorkAsync(writer, stop.Token)).ToArray();
        var done = new List<string>();
        for (var kill = 0; kill < Campaign.KillsOfARun; kill++)
        {
            await Task.Delay(random.Next(200, 4000), Cancel);
            var action = random.Next(8);
            try
            {
                switch (action)
                {
                    case 0:
                        await stack.Shop.ExecuteAsync(
                            "SET lock_timeout = '5s'; ALTER TABLE customer ADD COLUMN IF NOT EXISTS note text DEFAULT 'n'; ALTER TABLE customer DROP COLUMN IF EXISTS old_note; ALTER TABLE customer RENAME note TO old_note", Cancel);
                        done.Add("columns");
                        break;
                    case 1:
                        await stack.Shop.ExecuteAsync("SET lock_timeout = '5s'; VACUUM FULL orderitem", Cancel);
                        done.Add("rewrite");
                        break;
                    case 2 or 3:
                        await stack.ResyncAsync(Cancel);
                        done.Add("resync");
                        break;
                    case 4 when !done.Contains("definition"):
                        await stack.RedefineAsync(random, Cancel);
                        done.Add("definition");
                        break;
                }
            }
            catch (NpgsqlException)
            {
                // It waited for too long, or its server has gone.
            }
            var victim = stack.Victims[random.Next(stack.Victims.Count)];
            await stack.KillAsync(victim, TimeSpan.FromMilliseconds(random.Next(0, 3000)), Cancel);
            done.Add(victim);
        }
        await stop.CancelAsync();
        await Task.WhenAll(working);

        if (await stack.VerifyAsync(Cancel) is { } wrong)
            Assert.Fail($"CAMPAIGN_SEED={seed} ({pair}; {string.Join(", ", done)}) ends wrong:\n{wrong}\nThe log:\n{stack.Shop.Log}");
        await stack.Shop.AssertStarEqualsJoinAsync(Cancel, TimeSpan.FromMinutes(3));
        return $"{string.Join(", ", done)}; {writers.Sum(writer => writer.Committed)} transactions";
    }

    private static async Task WorkAsync(RandomWork writer, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await writer.RunAsync(5, CancellationToken.None);
                await Task.Delay(20, CancellationToken.None);
            }
            catch (Exception e) when (e is NpgsqlException or InvalidOperationException or IOException)
            {
                // The server has been killed; it comes back.
                await Task.Delay(200, CancellationToken.None);
            }
        }
    }
}
