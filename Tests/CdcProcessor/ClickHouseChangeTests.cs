using AspireCdc.Star.Statements;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;
using static AspireCdc.Tests.CdcProcessor.SchemaShop;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>ClickHouse's tables change under the processor, or it stands still for too long.</summary>
public sealed class ClickHouseChangeTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_column_of_another_type_in_ClickHouse_stops_the_writes_until_it_is_right_again()
    {
        await using var shop = await CreateAsync(postgres, clickhouse, Cancel);
        var processor = await shop.StartCopiedAsync(Cancel);
        await shop.QueryAsync("ALTER TABLE order_fact MODIFY COLUMN total Decimal(18, 4)", Cancel);
        await WaitForReadyAsync(processor, ready => ready.StartsWith("503")
            && ready.Contains("order_fact.total is Decimal(18, 4), where the model has Decimal(12, 2)"), shop, Cancel);
        await shop.ExecuteAsync("UPDATE \"order\" SET total = 29.99 WHERE id = 1", Cancel);
        await shop.QueryAsync("ALTER TABLE order_fact MODIFY COLUMN total Decimal(12, 2)", Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
    }

    [Fact]
    public async Task A_companion_view_that_comes_back_is_filled_with_what_landed_meanwhile()
    {
        await using var shop = await CreateAsync(postgres, clickhouse, Cancel);
        var processor = await shop.StartCopiedAsync(Cancel);
        var orders = shop.Model.Table("order");
        var companion = orders.Companions.Single();
        await shop.QueryAsync($"DROP VIEW {companion.View}", Cancel);
        await shop.ExecuteAsync(
            "INSERT INTO \"order\" (id, customer_id, total) VALUES (500, 1, 5); UPDATE customer SET city = 'Olten' WHERE id = 1", Cancel);
        await WaitForReadyAsync(processor, ready => ready.StartsWith("503")
            && ready.Contains($"table {companion.View} is missing"), shop, Cancel);

        await shop.QueryAsync(TableStatements.CreateView(orders, companion), Cancel);
        await shop.ExecuteAsync("UPDATE customer SET name = 'Other' WHERE id = 1", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        (await shop.QueryAsync($"SELECT count() FROM {companion.Name} WHERE order_id = 500", Cancel)).Should().NotBe("0\n");
    }

    [Fact]
    public async Task A_slot_whose_WAL_is_about_to_go_is_said_while_the_sink_stands_still()
    {
        await using var server = await PostgresServer.StartOwnAsync(
            Cancel, new Dictionary<string, string> { ["max_slot_wal_keep_size"] = "48MB", ["checkpoint_timeout"] = "1h" });
        await using var own = await ClickHouseServer.StartOwnAsync(Cancel);
        await using var shop = await Store.CreateAsync(
            Task.FromResult(new TestDatabase("shop", server.ConnectionString)), own.CreateDatabaseAsync("shop", Cancel), Cancel);
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        var processor = await shop.StartCopiedAsync(Cancel);
        await own.FreezeAsync();
        for (var i = 0; i < 6; i++)
            await shop.ExecuteAsync($"UPDATE customer SET city = 'City {i}'; SELECT pg_switch_wal()", Cancel);
        await WaitForReadyAsync(processor, ready => ready.StartsWith("200") && ready.Contains("its wal_status is unreserved")
            && ready.Contains("max_slot_wal_keep_size"), shop, Cancel);

        await own.ThawAsync();
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
    }
}
