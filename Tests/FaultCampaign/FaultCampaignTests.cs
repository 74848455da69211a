using System.Diagnostics;
using AspireCdc.CdcProcessor;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.CdcProcessor.Postgres.Watch;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.FaultCampaign;

/// <summary>
/// Kills of processors, PostgreSQL, ClickHouse and the broker at random moments under random work, with tables that change, are replaced,
/// rewritten, withheld, copied anew and shown by new definitions meanwhile. Each run ends when health has nothing to say, and then with
/// <c>verify</c> and with the oracle. <c>CAMPAIGN_KILLS=200</c> runs it, <c>CAMPAIGN_SEED</c> replays, <c>CAMPAIGN_KAFKA</c> names a
/// real broker's command, <c>CAMPAIGN_SOAK=50000000</c> sends so many changes and tells memory, lag and parts.
/// </summary>
public sealed class FaultCampaignTests(ITestOutputHelper output)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public Task Everything_is_equal_whatever_is_killed() => RunAllAsync("direct");

    [Fact]
    public Task Everything_is_equal_behind_kafka_whatever_is_killed() => RunAllAsync("kafka");

    [Fact]
    public async Task Memory_lag_and_parts_stay_flat()
    {
        Assert.SkipWhen(Campaign.Soak == 0, "CAMPAIGN_SOAK=50000000 runs the soak.");
        await using var stack = await CampaignStack.StartAsync(throughKafka: false, withTriggers: true, whileOpen: false, Cancel);
        await stack.Shop.ExecuteAsync(Store.FewRows, Cancel);
        const int Items = 100_000;
        await stack.Shop.ExecuteAsync(
            "INSERT INTO orderitem (order_id, product_id, quantity, price) "
            + $"SELECT 1 + i % 10, 1, 1, 2.50 FROM generate_series(1, {Items}) i", Cancel);
        // Whoever has this machine for a while may stop us.
        var patient = stack.Shop.Postgres with { ConnectionString = stack.Shop.Postgres.ConnectionString + ";Command Timeout=0" };
        var clock = Stopwatch.StartNew();
        var sampled = TimeSpan.Zero;
        var slowest = TimeSpan.Zero;
        for (long changes = 0, round = 0; changes < Campaign.Soak; changes += Items, round++)
        {
            var value = 1 + (round % 1000);
            await patient.ExecuteAsync($"UPDATE orderitem SET quantity = {value} WHERE id <= {Items}", Cancel);
            var committed = clock.Elapsed;
            // The next round waits for the last row of this one: a soak is no flood.
            await Wait.ForAsync(
                () => stack.Shop.QueryAsync($"SELECT quantity FROM orderitem_fact WHERE orderitem_id = {Items}", Cancel),
                seen => seen == $"{value}\n", "the round to arrive", Cancel, TimeSpan.FromMinutes(30));
            slowest = clock.Elapsed - committed > slowest ? clock.Elapsed - committed : slowest;
            if (clock.Elapsed - sampled < TimeSpan.FromSeconds(10))
                continue;
            sampled = clock.Elapsed;
            var parts = (await stack.Shop.QueryAsync("SELECT count() FROM system.parts WHERE active AND database = currentDatabase()",
                Cancel)).TrimEnd();
            Say($"{clock.Elapsed.TotalSeconds:0} s: {changes + Items} changes, {await stack.MemoryAsync()} MB, {parts} parts, "
                + $"a round visible {slowest.TotalSeconds:0.0} s after its commit at most");
            slowest = TimeSpan.Zero;
        }
        Assert.Null(await stack.VerifyAsync(Cancel));
    }

    [Fact]
    public async Task A_large_table_is_compared_beside_the_stream()
    {
        Assert.SkipWhen(Campaign.Rows == 0, "CAMPAIGN_ROWS=10000000 measures a comparison.");
        await using var stack = await CampaignStack.StartAsync(throughKafka: false, withTriggers: true, whileOpen: false, Cancel);
        await stack.Shop.ExecuteAsync(Store.FewRows, Cancel);
        var patient = stack.Shop.Postgres with { ConnectionString = stack.Shop.Postgres.ConnectionString + ";Command Timeout=0" };
        // Not of order 1: a change of that is timed below, and would derive all its items.
        const string Insert = "INSERT INTO orderitem (order_id, product_id, quantity, price) "
            + "SELECT 2 + i % 9, 1, 1 + i % 50, 2.50 FROM generate_series(1, 100000) i";
        for (long rows = 0; rows < Campaign.Rows; rows += 100_000)
            await patient.ExecuteAsync(Insert, Cancel);
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

    [Fact]
    public async Task A_look_at_the_catalog_of_many_tables_costs_little()
    {
        Assert.SkipWhen(Campaign.Tables == 0, "CAMPAIGN_TABLES=500 measures a look at the catalog.");
        await using var server = await PostgresServer.StartOwnAsync(Cancel);
        var database = new TestDatabase("shop", server.ConnectionString);
        var columns = Enumerable.Range(1, 19).Select(i => Mapped.Column($"c{i}", ColumnType.String)).ToList();
        var model = StarModel.Empty with
        {
            Tables = [.. Enumerable.Range(1, Campaign.Tables)
            .Select(i => Mapped.Table($"t{i}", [Mapped.Key("id", ColumnType.Int64), .. columns]))]
        };
        foreach (var table in model.Tables)
        {
            var texts = string.Join(", ", columns.Select(column => column.Source + " text"));
            await database.ExecuteAsync($"CREATE TABLE {table.Name} (id bigint PRIMARY KEY, {texts})", Cancel);
        }
        await database.ExecuteAsync(
            $"CREATE PUBLICATION {Store.Publication} FOR TABLE {string.Join(", ", model.Tables.Select(table => table.Name))}", Cancel);
        await using var source = NpgsqlDataSource.Create(server.ConnectionString);
        var options = new CdcOptions();
        var catalog = new PostgresCatalog(source, model, options);
        var forms = new TableForms(catalog, model, options);
        for (var look = 0; look < 5; look++)
        {
            var clock = Stopwatch.StartNew();
            Assert.Empty(await catalog.FaultsAsync(Cancel));
            var faults = clock.Elapsed;
            Assert.Equal(Campaign.Tables, (await forms.NowAsync(Cancel)).Count);
            var ofForms = clock.Elapsed - faults;
            Say($"{Campaign.Tables} tables of 20 columns: {faults.TotalMilliseconds:0} ms for faults, "
                + $"{ofForms.TotalMilliseconds:0} ms for forms");
        }
    }

    private void Say(string line)
    {
        output.WriteLine(line);
        Console.WriteLine(line);
    }

    private async Task RunAllAsync(string pair)
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

    private async Task<string> RunAsync(string pair, int seed)
    {
        var random = new Random(seed);
        await using var stack = await CampaignStack.StartAsync(
            pair == "kafka", withTriggers: random.Next(2) == 0, whileOpen: seed % 2 == 0, Cancel);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        RandomWork[] writers = [new(random.Next(), stack.Shop.Postgres.ConnectionString),
            new(random.Next(), stack.Shop.Postgres.ConnectionString)];
        var working = writers.Select(writer => WorkAsync(writer, stop.Token)).ToArray();
        var schema = new SchemaWork(stack.Shop, new Random(random.Next()));
        var done = new List<string>();
        try
        {
            for (var kill = 0; kill < Campaign.KillsOfARun; kill++)
            {
                var acting = ActAsync(stack, schema, random, done);
                await Task.Delay(random.Next(100, 4000), Cancel);
                var victim = stack.Victims[random.Next(stack.Victims.Count)];
                await stack.KillAsync(victim, TimeSpan.FromMilliseconds(random.Next(0, 3000)), Cancel);
                done.Add(victim);
                done.AddRange(await acting);
            }
            await stop.CancelAsync();
            await Task.WhenAll(working);

            await stack.BecomeWellAsync(Cancel);
            if (await stack.VerifyAsync(Cancel) is { } wrong)
                Assert.Fail($"It ends wrong:\n{wrong}\nThe log:\n{stack.Shop.Log}");
            await stack.Shop.AssertStarEqualsJoinAsync(Cancel, TimeSpan.FromMinutes(3));
        }
        catch (Exception)
        {
            Say($"{pair}, CAMPAIGN_SEED={seed} failed: {string.Join(", ", done)}");
            await File.WriteAllLinesAsync(
                Path.Combine(Path.GetTempPath(), $"campaign-{pair}-{seed}.log"), stack.Shop.Log.Lines, CancellationToken.None);
            throw;
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(working);
        }
        return $"{string.Join(", ", done)}; {writers.Sum(writer => writer.Committed)} transactions";
    }

    /// <summary>Beside a kill, now and then: the tables change, are copied anew or shown by another definition.</summary>
    private static async Task<IReadOnlyList<string>> ActAsync(
        CampaignStack stack, SchemaWork schema, Random random, IReadOnlyCollection<string> done)
    {
        switch (random.Next(10))
        {
            case 0 or 1:
                await stack.ResyncAsync(Cancel);
                return ["resync"];
            case 2 when !done.Contains("resync --all"):
                await stack.ResyncAllAsync(Cancel);
                return ["resync --all"];
            case 3 when !done.Contains("definition"):
                await stack.RedefineAsync(random.Next(1, 100), Cancel);
                return ["definition"];
            case 4 or 5 or 6 or 7:
                return [await schema.RunAsync(Cancel)];
            default:
                return [];
        }
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
