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

    /// <summary>As RESTORE does, or the statement of a processor that is dead: what was written since is not in the other table.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_fact_that_has_another_table_than_it_had_is_derived_whole(bool whileItRuns)
    {
        await using var shop = await CreateAsync(postgres, clickhouse, Cancel);
        var processor = await shop.StartCopiedAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        var rows = await shop.QueryAsync("SELECT count() FROM order_fact", Cancel);
        if (!whileItRuns)
            await shop.StopAsync(processor);

        await shop.ExchangeAsync("order_fact", Cancel);
        (await shop.QueryAsync("SELECT count() FROM order_fact", Cancel)).Should().Be("0\n");
        if (!whileItRuns)
            await shop.StartStreamingAsync(Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        (await shop.QueryAsync("SELECT count() FROM order_fact", Cancel)).Should().Be(rows);
        shop.Log.Lines.Should().Contain(line => line.Contains("order_fact has another table in ClickHouse than"));
    }

    /// <summary>Whether a processor runs or not: the rows that the former table had are copied.</summary>
    [Theory]
    [InlineData("customer", "customer_dim", "5\n", true)]
    [InlineData("order", "order_landing", "10\n", false)]
    public async Task A_landing_table_that_takes_anothers_place_is_copied(string table, string landing, string rows, bool whileItRuns)
    {
        await using var shop = await CreateAsync(postgres, clickhouse, Cancel);
        var processor = await shop.StartCopiedAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        if (!whileItRuns)
            await shop.StopAsync(processor);

        await shop.ExchangeAsync(landing, Cancel);
        if (!whileItRuns)
            processor = await shop.StartStreamingAsync(Cancel);

        await Wait.ForAsync(
            () => shop.QueryAsync($"SELECT count() FROM {landing} FINAL", Cancel), count => count == rows,
            $"the rows to be copied; log:\n{shop.Log}", Cancel, Long);
        await WaitForReadyAsync(processor, ready => ready.StartsWith("200") && !ready.Contains("lacks what came before"), shop, Cancel);
        await shop.ExecuteAsync("UPDATE \"order\" SET total = 29.99 WHERE id = 1; UPDATE customer SET city = 'Thun' WHERE id = 1", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        shop.Log.Lines.Should().Contain(line => line.Contains($"{table} is copied anew"))
            .And.Contain(line => line.Contains($"{table} lacks what came before"))
            .And.Contain(line => line.Contains($"It is over that {table} lacks what came before"));
    }

    [Fact]
    public async Task A_landing_table_that_takes_anothers_place_is_in_doubt_until_it_is_copied_by_hand_where_that_is_so()
    {
        await using var shop = await CreateAsync(postgres, clickhouse, Cancel);
        var processor = await shop.StartCopiedAsync(Cancel, ["--Cdc:CopyByHand", "customer"]);
        await shop.ExchangeAsync("customer_dim", Cancel);
        await WaitForReadyAsync(processor, ready => ready.Contains("customer lacks what came before: customer_dim is another table")
            && ready.Contains("it is among Cdc:CopyByHand: run 'CdcProcessor resync customer'"), shop, Cancel);
        (await shop.QueryAsync("SELECT count() FROM customer_dim", Cancel)).Should().Be("0\n");

        // The former one comes back, and lacks what came meanwhile.
        await shop.ExecuteAsync("UPDATE customer SET city = 'Thun' WHERE id = 1", Cancel);
        await Wait.ForAsync(() => shop.QueryAsync("SELECT count() FROM customer_dim", Cancel), rows => rows == "1\n", "the change", Cancel);
        await shop.ExchangeBackAsync("customer_dim", Cancel);
        await Wait.UntilAsync(
            () => Task.FromResult(shop.Log.Lines.Count(line => line.Contains("is another table in ClickHouse than it was")) == 2),
            $"the processor to notice; log:\n{shop.Log}", Cancel, Long);
        await WaitForReadyAsync(
            processor, ready => ready.StartsWith("200") && ready.Contains("customer lacks what came before"), shop, Cancel);

        using var http = Client(processor);
        (await http.PostAsync("/operations/resync?table=customer", null, Cancel)).EnsureSuccessStatusCode();
        (await http.GetStringAsync("/operations/status", Cancel)).Should().Contain("customer_dim"); // to ask changes nothing

        await WaitForReadyAsync(processor, ready => ready.StartsWith("200") && !ready.Contains("lacks what came before"), shop, Cancel);
        (await shop.QueryAsync("SELECT count() FROM customer_dim FINAL", Cancel)).Should().Be("5\n");
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
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
