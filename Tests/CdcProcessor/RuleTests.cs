using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>Rules of the direct pair that only show while ClickHouse takes its time.</summary>
public sealed class RuleTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rule_6_a_truncate_that_has_landed_and_was_not_derived_is_derived_when_it_comes_again()
    {
        await using var shop = await CreateAsync(postgres.CreateDatabaseAsync(Cancel));
        await using var gate = await ClickHouseGate.StartAsync(shop.ClickHouse);
        var processor = await shop.StartStreamingAsync(Cancel, "--ConnectionStrings:clickhouse", gate.ConnectionStringOf(shop.ClickHouse));
        await shop.AssertStarEqualsJoinAsync(Cancel);
        // An unfinished copy would derive everything after the restart.
        await shop.WaitUntilCopiedAsync(Cancel);

        gate.Hold("INSERT INTO `orderitem_fact`");
        await shop.ExecuteAsync("TRUNCATE orderitem", Cancel);
        await gate.Held.WaitAsync(TimeSpan.FromMinutes(3), Cancel);
        (await shop.QueryAsync("SELECT count() FROM orderitem_landing", Cancel)).Should().Be("0\n", "it lands before it is derived");
        await shop.StopAsync(processor);
        (await shop.QueryAsync("SELECT count() FROM orderitem_fact", Cancel)).Should().NotBe("0\n");

        await shop.StartAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    [Fact]
    public async Task Rule_11_a_truncate_waits_until_the_rows_that_were_read_before_it_have_landed()
    {
        await using var shop = await CreateAsync(postgres.CreateDatabaseAsync(Cancel));
        await using var gate = await ClickHouseGate.StartAsync(shop.ClickHouse);
        gate.Hold("INSERT INTO `orderitem_landing`");
        await shop.StartAsync(Cancel, "--ConnectionStrings:clickhouse", gate.ConnectionStringOf(shop.ClickHouse));
        await gate.Held.WaitAsync(TimeSpan.FromMinutes(3), Cancel);

        // The copy has read its rows, and they are on their way.
        await FluentActions.Awaiting(() => shop.ExecuteAsync("SET lock_timeout = '2s'; TRUNCATE orderitem", Cancel)).Should()
            .ThrowAsync<PostgresException>().Where(e => e.SqlState == PostgresErrorCodes.LockNotAvailable);
        var truncating = shop.ExecuteAsync("TRUNCATE orderitem", Cancel);
        gate.Open();
        await truncating;

        (await shop.QueryAsync("SELECT count() FROM orderitem_landing SETTINGS final = 0", Cancel)).Should().NotBe("0\n");
        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    [Theory]
    [InlineData("INSERT INTO `order_fact`")] // rule 14: while something received is not applied, a keepalive's position is not adopted
    [InlineData("SYSTEM SYNC FILE CACHE")] // rule 15: applied is not durable
    public async Task Rules_14_and_15_nothing_is_acknowledged_before_it_is_derived_and_durable(string held)
    {
        // On a server of its own nobody else's WAL moves the slot.
        await using var server = await PostgresServer.StartOwnAsync(Cancel);
        await using var shop = await CreateAsync(Task.FromResult(new TestDatabase("shop", server.ConnectionString)));
        await using var gate = await ClickHouseGate.StartAsync(shop.ClickHouse);
        await shop.StartStreamingAsync(Cancel, "--ConnectionStrings:clickhouse", gate.ConnectionStringOf(shop.ClickHouse));
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.WaitUntilCopiedAsync(Cancel);

        // All before this is acknowledged, so what is held belongs to the change.
        await Wait.UntilAsync(
            () => shop.Postgres.ScalarAsync<bool>(
                $"SELECT confirmed_flush_lsn >= pg_current_wal_lsn() FROM pg_replication_slots WHERE slot_name = '{shop.Slot}'", Cancel),
                "the slot to stand at the end of WAL", Cancel);
        gate.Hold(held);
        await shop.ExecuteAsync("UPDATE \"order\" SET status = 'sent'", Cancel);
        var committed = await shop.Postgres.ScalarAsync<string>("SELECT pg_current_wal_insert_lsn()::text", Cancel);
        await gate.Held.WaitAsync(TimeSpan.FromMinutes(3), Cancel);
        // WAL that does not concern the processor brings keepalives; and it tells the server its position now and then.
        await shop.ExecuteAsync("CREATE TABLE busy AS SELECT generate_series(1, 1000) AS id", Cancel);
        var now = await shop.Postgres.ScalarAsync<DateTime>("SELECT clock_timestamp()", Cancel);
        await Wait.UntilAsync(
            () => shop.Postgres.ScalarAsync<bool>(
                $"SELECT reply_time > '{now:O}' AND sent_lsn > '{committed}' FROM pg_stat_replication WHERE application_name = " +
                $"'aspirecdc {shop.Slot}'", Cancel), "the processor to tell its position", Cancel);
        (await shop.Postgres.ScalarAsync<bool>(
            $"SELECT confirmed_flush_lsn < '{committed}' FROM pg_replication_slots WHERE slot_name = '{shop.Slot}'", Cancel))
                .Should().BeTrue();

        gate.Open();
        await Wait.UntilAsync(
            () => shop.Postgres.ScalarAsync<bool>(
                $"SELECT confirmed_flush_lsn >= '{committed}' FROM pg_replication_slots WHERE slot_name = '{shop.Slot}'", Cancel),
                "the slot to follow", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    private async Task<Store> CreateAsync(Task<TestDatabase> source)
    {
        var shop = await Store.CreateAsync(source, clickhouse.CreateDatabaseAsync(Cancel), Cancel);
        await shop.ExecuteAsync(
            """
            INSERT INTO customer (email, name, country, city) SELECT 'c' || i || '@x.org', 'Customer ' || i, 'CH', 'Bern'
                FROM generate_series(1, 5) i;
            INSERT INTO product (name, category, price) VALUES ('Product', 'Tools', 1.99);
            INSERT INTO "order" (customer_id, total) SELECT 1 + i % 5, i FROM generate_series(1, 10) i;
            INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT 1 + i % 10, 1, i, 2.50 FROM generate_series(1, 20) i;
            """, Cancel);
        return shop;
    }
}
