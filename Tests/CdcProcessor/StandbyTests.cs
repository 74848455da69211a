using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>PostgreSQL with a standby: one that commits wait for, and one that takes over.</summary>
public sealed class StandbyTests(ClickHouseServer clickhouse)
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(2);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rule_8_an_unchanged_value_is_read_only_once_its_commit_is_visible()
    {
        await using var server = await PostgresServer.StartOwnAsync(Cancel);
        await using var shop = await Store.CreateAsync(
            Task.FromResult(new TestDatabase("shop", server.ConnectionString)), clickhouse.CreateDatabaseAsync(Cancel), Cancel);
        await shop.ExecuteAsync(
            """
            ALTER TABLE customer ALTER COLUMN name SET STORAGE EXTERNAL; ALTER TABLE customer SET (toast_tuple_target = 128);
            INSERT INTO customer (email, name, country, city) VALUES (repeat('😀', 255), repeat('🦕', 255), 'CH', 'Bern')
            """, Cancel);
        await shop.StartStreamingAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.WaitUntilCopiedAsync(Cancel);

        // Nobody answers to this name, so every commit waits, while the stream carries it already.
        await shop.ExecuteAsync("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", Cancel);
        await shop.ExecuteAsync("SELECT pg_reload_conf()", Cancel);
        var attempt = 0;
        var commit = Task.CompletedTask;
        await Wait.UntilAsync(
            async () =>
            {
                // The server takes up the setting a moment later: what was committed before that is done once more.
                if (commit.IsCompleted)
                {
                    await commit;
                    attempt++;
                    commit =
                        shop.ExecuteAsync(
                            $"UPDATE customer SET name = 'new {attempt} ' || repeat('🐘', 240); UPDATE customer SET city = 'Sion {attempt}'",
                            Cancel);
                }
                return await shop.Postgres.ScalarAsync<bool>(
                    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep')", Cancel);
            },
            "a commit to wait for its standby", Cancel);
        await Wait.UntilAsync(
            () => shop.Postgres.ScalarAsync<bool>("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_xact_status(%')",
                Cancel), $"the processor to ask for the transaction; log:\n{shop.Log}\n", Cancel);
        (await shop.Postgres.ScalarAsync<bool>($"SELECT city = 'Sion {attempt}' FROM customer", Cancel)).Should()
            .BeFalse("the commit waits");
        (await shop.QueryAsync($"SELECT count() FROM customer_dim WHERE city = 'Sion {attempt}'", Cancel)).Should().Be("0\n");

        await shop.ExecuteAsync("ALTER SYSTEM RESET synchronous_standby_names", Cancel);
        await shop.ExecuteAsync("SELECT pg_reload_conf()", Cancel);
        await commit;
        await shop.AssertStarEqualsJoinAsync(Cancel);
        (await shop.QueryAsync("SELECT customer_name LIKE 'new%', city FROM customer_dim", Cancel)).Should().Be($"1\tSion {attempt}\n");
    }

    [Fact]
    public async Task Rule_17_a_promoted_standby_that_has_everything_goes_on()
    {
        await using var pair = await StartAsync();
        var shop = pair.Shop;
        await shop.ExecuteAsync("UPDATE customer SET city = 'Genf' WHERE id = 2; DELETE FROM customer WHERE id = 3", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.StopAsync(pair.Processor);
        var end = await shop.Postgres.ScalarAsync<string>("SELECT pg_current_wal_flush_lsn()::text", Cancel);
        await Wait.UntilAsync(() => pair.Promoted.ScalarAsync<bool>($"SELECT pg_last_wal_replay_lsn() >= '{end}'", Cancel),
            "the standby to have everything", Cancel);

        await pair.Primary.KillAsync();
        await pair.Promoted.ExecuteAsync("SELECT pg_promote()", Cancel);
        shop.Postgres = pair.Promoted;
        await shop.ExecuteAsync(
            "UPDATE customer SET city = 'Visp' WHERE id = 1; INSERT INTO \"order\" (customer_id, total) VALUES (1, 5)", Cancel);
        await shop.StartStreamingAsync(Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel);
        shop.Log.Lines.Where(line => line.Contains("Made replication slot")).Should().ContainSingle("the slot went with the standby");
        (await shop.QueryAsync("SELECT state LIKE '%\"Timeline\":2%' FROM cdc_progress WHERE kind = 'source'", Cancel)).Should().Be("1\n");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rule_17_a_promoted_standby_that_lagged_is_refused_until_resync_all(bool diedBeforeItRecordedThat)
    {
        await using var pair = await StartAsync();
        var shop = pair.Shop;
        await pair.Standby.StopAsync();
        await shop.ExecuteAsync("UPDATE customer SET city = 'lost' WHERE id = 2; DELETE FROM customer WHERE id = 3", Cancel);
        var end = await shop.Postgres.ScalarAsync<string>("SELECT pg_current_wal_insert_lsn()::text", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await Wait.UntilAsync(
            async () =>
                await shop.Postgres.ScalarAsync<bool>(
                    $"SELECT '{end}' - pg_lsn '0/0' <= " +
                    $"{(await shop.QueryAsync("SELECT max(position) FROM cdc_progress WHERE kind = 'position'", Cancel)).Trim()}", Cancel),
                    "the position to be recorded", Cancel);
        await shop.StopAsync(pair.Processor);

        await pair.Primary.KillAsync();
        await pair.Standby.StartAsync(Cancel);
        NpgsqlConnection.ClearAllPools();
        await pair.Promoted.ExecuteAsync("SELECT pg_promote()", Cancel);
        shop.Postgres = pair.Promoted;
        if (diedBeforeItRecordedThat)
        {
            var recorded = await shop.Postgres.ScalarAsync<long>(
                $"SELECT (confirmed_flush_lsn - pg_lsn '0/0')::bigint FROM pg_replication_slots WHERE slot_name = '{shop.Slot}'", Cancel);
            await shop.QueryAsync(
                $"ALTER TABLE cdc_progress UPDATE position = {recorded} WHERE kind = 'position' SETTINGS mutations_sync = 1", Cancel);
        }
        // Its WAL soon ends beyond what was applied, and its slot stands before that: only the timeline tells.
        for (var i = 0; i < 2; i++)
            await shop.ExecuteAsync($"UPDATE customer SET city = 'other {i}' WHERE id = 2; SELECT pg_switch_wal()", Cancel);
        (await shop.Postgres.ScalarAsync<bool>(
            $"SELECT pg_current_wal_lsn() > '{end}' AND (SELECT confirmed_flush_lsn < '{end}' FROM pg_replication_slots WHERE slot_name " +
            $"= '{shop.Slot}')", Cancel)).Should().BeTrue();
        var processor = await shop.StartAsync(Cancel);
        await shop.WaitForPhaseAsync(processor, Phase.ResyncRequired, Cancel);
        shop.Log.ToString().Should().Contain("PostgreSQL is on timeline 2 now, which left timeline 1 at").And.Contain(
            "a standby was promoted that lacked some of them. Run 'CdcProcessor resync --all'.");

        using var http = new HttpClient { BaseAddress = new Uri(processor.Urls.First()) };
        (await http.PostAsync("/operations/resync?all=true", null, Cancel)).EnsureSuccessStatusCode();
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
    }

    [Fact]
    public async Task Rule_17_with_several_hosts_the_processor_follows_the_primary_by_itself()
    {
        await using var pair = await StartAsync(severalHosts: true);
        var shop = pair.Shop;
        // The processor gets nothing that the standby has not got.
        await shop.ExecuteAsync("ALTER SYSTEM SET synchronized_standby_slots = 'standby'", Cancel);
        await shop.ExecuteAsync("SELECT pg_reload_conf()", Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Genf' WHERE id = 2; DELETE FROM customer WHERE id = 3", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);

        await pair.Primary.KillAsync();
        await shop.WaitForPhaseAsync(pair.Processor, Phase.Faulted, Cancel);
        await pair.Promoted.ExecuteAsync("SELECT pg_promote()", Cancel);
        shop.Postgres = pair.Promoted;
        await shop.ExecuteAsync("UPDATE customer SET city = 'Visp' WHERE id = 1", Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        shop.Log.Lines.Where(line => line.Contains("Made replication slot")).Should().ContainSingle("the slot went with the standby");
    }

    /// <summary>A primary, a standby that has its slot, and a processor that streams from the primary.</summary>
    private async Task<Pair> StartAsync(bool severalHosts = false)
    {
        var primary = await PostgresServer.StartOwnAsync(Cancel);
        var shop = await Store.CreateAsync(
            Task.FromResult(new TestDatabase("shop", primary.ConnectionString)), clickhouse.CreateDatabaseAsync(Cancel), Cancel);
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        await shop.ExecuteAsync("SELECT pg_create_physical_replication_slot('standby')", Cancel);
        await primary.StopAsync();
        var standby = await primary.CopyAsStandbyAsync(Cancel);
        await primary.StartAsync(Cancel);
        NpgsqlConnection.ClearAllPools();
        // The standby goes first: it does not answer yet, and later it is no primary.
        var hosts = severalHosts ? $"localhost:{standby.Port},localhost:{primary.Port}" : "localhost";
        var either = new NpgsqlConnectionStringBuilder(shop.Postgres.ConnectionString) { Host = hosts };
        var processor = await shop.StartCopiedAsync(Cancel, "--ConnectionStrings:shop", either.ConnectionString);
        await standby.StartAsync(Cancel);
        var pair = new Pair(primary, standby, shop, processor);
        await Wait.UntilAsync(
            async () =>
            {
                // The standby takes a slot over once the primary's has moved beyond what the standby has kept.
                await shop.ExecuteAsync("SELECT pg_log_standby_snapshot(); UPDATE product SET price = price + 1", Cancel);
                return await pair.Promoted.ScalarAsync<bool>(
                    $"SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '{shop.Slot}' AND synced AND NOT temporary)",
                    Cancel);
            },
            "the standby to have the slot", Cancel, Long);
        return pair;
    }

    private sealed record Pair(OwnPostgres Primary, OwnPostgres Standby, Store Shop, WebApplication Processor) : IAsyncDisposable
    {
        /// <summary>The standby's shop.</summary>
        public TestDatabase Promoted => new("shop", Standby.ConnectionString);

        public async ValueTask DisposeAsync()
        {
            await Shop.DisposeAsync();
            await Standby.DisposeAsync();
            await Primary.DisposeAsync();
        }
    }
}
