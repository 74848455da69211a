using AspireCdc.Star.Postgres;
using AspireCdc.Star.Statements;
using AspireCdc.Tests.Fixtures;
using AspireCdc.Tests.Kafka;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>
/// What changes the tables themselves, and not their rows: it is mended by a copy, or said; no default lands over a good value, and nothing
/// that was skipped is acknowledged.
/// </summary>
public sealed class SchemaChangeTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(2);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_change_that_lacks_a_mapped_column_stops_the_stream_before_it_until_the_column_is_back()
    {
        await using var shop = await CreateAsync();
        var processor = await StartAsync(shop);
        await shop.ExecuteAsync("ALTER TABLE product RENAME COLUMN category TO kind; UPDATE product SET price = price + 1", Cancel);
        var before = await shop.Postgres.ScalarAsync<string>("SELECT pg_current_wal_lsn()::text", Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Chur' WHERE id = 1", Cancel);

        await WaitForReadyAsync(processor, ready => ready.StartsWith("503") && ready.Contains("product.category is missing"), shop);
        shop.Log.Lines.Should().Contain(line => line.Contains("A change of product at ") && line.Contains("lacks category")
            && line.Contains("Nothing beyond that change is acknowledged"));
        (await shop.QueryAsync("SELECT DISTINCT category FROM product_dim", Cancel)).Should().Be("Tools\n");
        (await shop.QueryAsync("SELECT DISTINCT category FROM orderitem_fact", Cancel)).Should().Be("Tools\n");
        (await shop.Postgres.ScalarAsync<bool>(
            $"SELECT confirmed_flush_lsn < '{before}' FROM pg_replication_slots WHERE slot_name = '{shop.Slot}'", Cancel)).Should()
            .BeTrue();

        await shop.ExecuteAsync("ALTER TABLE product RENAME COLUMN kind TO category", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await WaitForReadyAsync(processor, ready => ready == "200 {\"status\":\"ok\"}", shop);
        await shop.ExecuteAsync("UPDATE product SET price = price + 1", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
    }

    [Theory]
    [InlineData(
        "ALTER PUBLICATION p SET TABLE customer (id, email, name, country, created_at), product, \"order\", orderitem",
        "left out by the column list",
        "ALTER PUBLICATION p SET TABLE customer, product, \"order\", orderitem")]
    [InlineData("ALTER PUBLICATION p SET TABLE customer WHERE (id > 3), product, \"order\", orderitem", "leaves out rows of customer",
        "ALTER PUBLICATION p SET TABLE customer, product, \"order\", orderitem")]
    [InlineData("ALTER PUBLICATION p DROP TABLE customer", "customer is not in publication", "ALTER PUBLICATION p ADD TABLE customer")]
    [InlineData("ALTER PUBLICATION p SET (publish = 'insert')", "leaves operations out",
        "ALTER PUBLICATION p SET (publish = 'insert, update, delete, truncate')")]
    [InlineData("DROP PUBLICATION p", "there is no publication", "CREATE PUBLICATION p FOR TABLE customer, product, \"order\", orderitem")]
    public async Task What_the_publication_withholds_is_said_and_made_good_by_a_copy(string breaks, string said, string mends)
    {
        await using var shop = await CreateAsync();
        var processor = await StartAsync(shop);
        await shop.ExecuteAsync(breaks.Replace(" p ", $" {Store.Publication} ")
            .Replace("PUBLICATION p", $"PUBLICATION {Store.Publication}"), Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Chur' WHERE id = 1; UPDATE customer SET name = 'Other' WHERE id = 4", Cancel);
        await WaitForReadyAsync(processor, ready => ready.Contains(said), shop);

        await shop.ExecuteAsync(mends.Replace("PUBLICATION p", $"PUBLICATION {Store.Publication}"), Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Sion' WHERE id = 2", Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await WaitForReadyAsync(processor, ready => ready == "200 {\"status\":\"ok\"}", shop);
    }

    [Fact]
    public async Task What_a_publication_withheld_while_nobody_looked_is_copied_at_the_start()
    {
        await using var shop = await CreateAsync();
        var processor = await StartAsync(shop);
        await shop.StopAsync(processor);
        await shop.ExecuteAsync(
            $"ALTER PUBLICATION {Store.Publication} DROP TABLE orderitem; UPDATE orderitem SET quantity = 77 WHERE id = 3; DELETE FROM orderitem WHERE id = 4; ALTER PUBLICATION {Store.Publication} ADD TABLE orderitem",
            Cancel);

        await StartAsync(shop);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
    }

    [Fact]
    public async Task Another_table_of_the_name_is_copied_anew_and_the_old_one_is_not_heard_any_more()
    {
        await using var shop = await CreateAsync();
        await StartAsync(shop);
        await shop.ExecuteAsync(
            """
            ALTER TABLE orderitem RENAME TO orderitem_old; CREATE TABLE orderitem (LIKE orderitem_old INCLUDING ALL);
            INSERT INTO orderitem SELECT id, order_id, product_id, quantity + 100, price FROM orderitem_old WHERE id > 5
            """, Cancel);
        await shop.ExecuteAsync($"ALTER PUBLICATION {Store.Publication} ADD TABLE orderitem", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);

        await shop.ExecuteAsync(
            "UPDATE orderitem_old SET quantity = 1000; INSERT INTO orderitem_old VALUES (4711, 1, 1, 1, 1); UPDATE orderitem SET quantity = 7 WHERE id = 8", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await shop.WaitUntilCopiedAsync(Cancel);
    }

    [Fact]
    public async Task A_table_that_is_only_renamed_stays_the_same_and_loses_nothing()
    {
        await using var shop = await CreateAsync();
        var processor = await StartAsync(shop);
        await shop.ExecuteAsync(
            "ALTER TABLE orderitem RENAME TO item; UPDATE item SET quantity = 55 WHERE id = 3; DELETE FROM item WHERE id = 4", Cancel);
        await WaitForReadyAsync(processor, ready => ready.StartsWith("200") && ready.Contains("there is no table orderitem"), shop);
        await shop.ExecuteAsync("ALTER TABLE item RENAME TO orderitem", Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await WaitForReadyAsync(processor, ready => ready == "200 {\"status\":\"ok\"}", shop);
        shop.Log.Lines.Should().NotContain(line => line.Contains(" anew at "));
    }

    [Theory]
    [InlineData("VACUUM FULL customer")]
    [InlineData("ALTER TABLE customer ALTER city TYPE varchar(100) USING upper(city)")]
    public async Task A_table_that_is_rewritten_while_it_is_copied_is_copied_from_the_beginning(string rewrite)
    {
        await using var shop = await CreateAsync();
        // One row a page: three ranges of 64 MB.
        await shop.ExecuteAsync(
            """
            ALTER TABLE customer SET (fillfactor = 10);
            INSERT INTO customer (email, name, country, city) SELECT i || repeat('ü', 200), repeat('ü', 250), 'CH', 'Bern' FROM generate_series(1, 18000) i;
            DELETE FROM customer WHERE id % 3 = 0
            """, Cancel);
        await shop.StartAsync(Cancel, "--Cdc:CopyReaders", "1", "--Cdc:BatchChanges", "1000");
        await Wait.ForAsync(
            async () => int.Parse(await shop.QueryAsync("SELECT count() FROM customer_dim SETTINGS final = 0", Cancel)), count => count > 0,
            "some rows to be copied", Cancel, Long);
        // It queues behind the range that is read, and before the next one.
        await shop.ExecuteAsync(rewrite, Cancel);

        await shop.WaitUntilCopiedAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        shop.Log.Lines.Should().Contain(line => line.Contains("customer was rewritten or replaced while it was copied"));
    }

    [Theory]
    [InlineData("ALTER TABLE product ALTER price TYPE numeric(12,2) USING price * 100")]
    [InlineData("ALTER TABLE product DROP category, ADD category varchar(100) NOT NULL DEFAULT 'New'")]
    [InlineData("ALTER TABLE product ALTER name TYPE text USING upper(name); UPDATE product SET category = 'Later'")]
    public async Task Values_that_change_without_events_are_copied_anew(string statement)
    {
        await using var shop = await CreateAsync(withTriggers: true);
        var processor = await StartAsync(shop);
        await shop.ExecuteAsync(statement, Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await WaitForReadyAsync(processor, ready => ready == "200 {\"status\":\"ok\"}", shop);
        shop.Log.Lines.Where(line => line.Contains("Copying product anew at")).Should().ContainSingle();
    }

    [Fact]
    public async Task What_leaves_the_values_is_not_copied_and_not_in_doubt()
    {
        await using var shop = await CreateAsync(withTriggers: true);
        var processor = await StartAsync(shop);
        await shop.ExecuteAsync("VACUUM FULL product", Cancel);
        await shop.ExecuteAsync(
            "TRUNCATE orderitem; ALTER TABLE customer ALTER city TYPE text; ALTER TABLE product ADD COLUMN note text DEFAULT 'x'", Cancel);
        await shop.ExecuteAsync("UPDATE product SET price = price + 1; UPDATE customer SET city = 'Basel' WHERE id = 1", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await shop.StopAsync(processor);

        processor = await StartAsync(shop);
        await shop.ExecuteAsync("ALTER TABLE product DROP COLUMN note; UPDATE product SET price = price + 1", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await WaitForReadyAsync(processor, ready => ready == "200 {\"status\":\"ok\"}", shop);
        shop.Log.Lines.Should().NotContain(line => line.Contains(" anew at "));
    }

    [Fact]
    public async Task Without_the_triggers_a_rewrite_is_a_doubt_with_its_command_and_truncate_is_none()
    {
        await using var shop = await CreateAsync();
        var processor = await StartAsync(shop);
        await shop.ExecuteAsync("TRUNCATE orderitem", Cancel);
        await shop.ExecuteAsync("ALTER TABLE product ALTER price TYPE numeric(12,2) USING price * 100", Cancel);

        var ready = await WaitForReadyAsync(processor, ready => ready.StartsWith("200") && ready.Contains("product has another file"),
            shop);
        ready.Should().Contain("CdcProcessor resync product").And.NotContain("orderitem");
        using var http = Client(processor);
        (await http.GetStringAsync("/operations/status", Cancel)).Should().Contain("product").And.Contain("resync product");
        (await http.PostAsync("/operations/resync?table=product", null, Cancel)).EnsureSuccessStatusCode();
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await WaitForReadyAsync(processor, ready => ready == "200 {\"status\":\"ok\"}", shop);
    }

    [Fact]
    public async Task A_table_that_is_copied_by_hand_stays_in_doubt_over_a_restart_until_somebody_copies_it()
    {
        await using var shop = await CreateAsync(withTriggers: true);
        string[] byHand = ["--Cdc:CopyByHand", "orderitem, product"];
        var processor = await StartAsync(shop, byHand);
        await shop.ExecuteAsync("ALTER TABLE product ALTER price TYPE numeric(12,2) USING price * 100", Cancel);
        await WaitForReadyAsync(processor, ready => ready.Contains("product was rewritten by ALTER TABLE")
            && ready.Contains("CdcProcessor resync product"), shop);
        await shop.StopAsync(processor);

        processor = await StartAsync(shop, byHand);
        await WaitForReadyAsync(processor, ready => ready.Contains("product was rewritten by ALTER TABLE"), shop);
        (await shop.QueryAsync("SELECT price FROM product_dim", Cancel)).Should().Be("1.99\n");
        using var http = Client(processor);
        (await http.PostAsync("/operations/resync?table=product", null, Cancel)).EnsureSuccessStatusCode();
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await WaitForReadyAsync(processor, ready => ready == "200 {\"status\":\"ok\"}", shop);
    }

    [Fact]
    public async Task Behind_the_connector_a_rewritten_table_is_copied_before_the_stream_goes_on_and_a_missing_column_stops_it()
    {
        await using var shop = await CreateAsync(withTriggers: true);
        var topic = kafka.Arguments(kafka.NewTopic(create: false));
        var connector = await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. topic]);
        await shop.StartAsync(Cancel, ["--source", "kafka", .. topic]);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);

        await shop.ExecuteAsync("ALTER TABLE product ALTER price TYPE numeric(12,2) USING price * 100", Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Basel' WHERE id = 2", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);

        await shop.ExecuteAsync("ALTER TABLE product RENAME COLUMN category TO kind; UPDATE product SET price = price + 1", Cancel);
        await WaitForReadyAsync(connector, ready => ready.StartsWith("503") && ready.Contains("product.category is missing"), shop);
        await shop.ExecuteAsync("ALTER TABLE product RENAME COLUMN kind TO category", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Partitions_that_come_and_go_are_copied_and_those_that_are_made_need_no_copy(bool withTriggers)
    {
        await using var shop = await CreateAsync(withTriggers);
        await shop.ExecuteAsync(
            """
            DROP TABLE orderitem;
            CREATE TABLE orderitem (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, order_id bigint NOT NULL, product_id bigint NOT NULL, quantity int NOT NULL, price numeric(12,2) NOT NULL)
                PARTITION BY RANGE (id);
            CREATE TABLE item_a PARTITION OF orderitem FOR VALUES FROM (0) TO (100);
            CREATE TABLE item_b PARTITION OF orderitem FOR VALUES FROM (100) TO (200);
            INSERT INTO orderitem (id, order_id, product_id, quantity, price) SELECT i, 1 + i % 10, 1, i, 2.50 FROM generate_series(90, 110) i
            """, Cancel);
        await shop.ExecuteAsync($"ALTER PUBLICATION {Store.Publication} ADD TABLE orderitem", Cancel);
        var processor = await shop.StartAsync(Cancel);
        await WaitForReadyAsync(
            processor, ready => ready.Contains("sends the partitions of orderitem in the place of the table: ALTER PUBLICATION")
            && ready.Contains("publish_via_partition_root = true"), shop);
        await shop.ExecuteAsync($"ALTER PUBLICATION {Store.Publication} SET (publish_via_partition_root = true)", Cancel);
        await shop.WaitUntilCopiedAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);

        await shop.ExecuteAsync(
            "CREATE TABLE item_c PARTITION OF orderitem FOR VALUES FROM (200) TO (300); INSERT INTO orderitem (id, order_id, product_id, quantity, price) VALUES (201, 1, 1, 9, 1)", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        shop.Log.Lines.Should().NotContain(line => line.Contains(" anew at "));

        await shop.ExecuteAsync("ALTER TABLE orderitem DETACH PARTITION item_b", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await shop.ExecuteAsync(
            "UPDATE item_b SET quantity = 77; ALTER TABLE orderitem ATTACH PARTITION item_b FOR VALUES FROM (100) TO (200)", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await shop.ExecuteAsync("TRUNCATE item_a", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await shop.ExecuteAsync("DROP TABLE item_c; UPDATE orderitem SET quantity = 5 WHERE id = 105", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await WaitForReadyAsync(processor, ready => ready == "200 {\"status\":\"ok\"}", shop);
    }

    [Fact]
    public async Task A_column_of_another_type_in_ClickHouse_stops_the_writes_until_it_is_right_again()
    {
        await using var shop = await CreateAsync();
        var processor = await StartAsync(shop);
        await shop.QueryAsync("ALTER TABLE order_fact MODIFY COLUMN total Decimal(18, 4)", Cancel);
        await WaitForReadyAsync(processor, ready => ready.StartsWith("503")
            && ready.Contains("order_fact.total is Decimal(18, 4), where the model has Decimal(12, 2)"), shop);
        await shop.ExecuteAsync("UPDATE \"order\" SET total = 29.99 WHERE id = 1", Cancel);
        await shop.QueryAsync("ALTER TABLE order_fact MODIFY COLUMN total Decimal(12, 2)", Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
    }

    [Fact]
    public async Task A_companion_view_that_comes_back_is_filled_with_what_landed_meanwhile()
    {
        await using var shop = await CreateAsync();
        var processor = await StartAsync(shop);
        var orders = shop.Model.Table("order");
        var companion = orders.Companions.Single();
        await shop.QueryAsync($"DROP VIEW {companion.View}", Cancel);
        await shop.ExecuteAsync(
            "INSERT INTO \"order\" (id, customer_id, total) VALUES (500, 1, 5); UPDATE customer SET city = 'Olten' WHERE id = 1", Cancel);
        await WaitForReadyAsync(processor, ready => ready.StartsWith("503") && ready.Contains($"table {companion.View} is missing"), shop);

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
        var processor = await StartAsync(shop);
        await own.FreezeAsync();
        for (var i = 0; i < 6; i++)
            await shop.ExecuteAsync($"UPDATE customer SET city = 'City {i}'; SELECT pg_switch_wal()", Cancel);
        await WaitForReadyAsync(processor, ready => ready.StartsWith("200") && ready.Contains("its wal_status is unreserved")
            && ready.Contains("max_slot_wal_keep_size"), shop);

        await own.ThawAsync();
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
    }

    private async Task<Store> CreateAsync(bool withTriggers = false)
    {
        var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        foreach (var statement in withTriggers ? SchemaTrigger.All.SelectMany(trigger => trigger.Statements) : [])
            await shop.ExecuteAsync(statement, Cancel);
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        return shop;
    }

    private static async Task<WebApplication> StartAsync(Store shop, params string[] settings)
    {
        var processor = await shop.StartStreamingAsync(Cancel, settings);
        await shop.WaitUntilCopiedAsync(Cancel);
        return processor;
    }

    /// <summary>The status code and the body of <c>/ready</c>.</summary>
    private static async Task<string> WaitForReadyAsync(WebApplication processor, Func<string, bool> expected, Store shop)
    {
        using var http = Client(processor);
        return await Wait.ForAsync(
            async () =>
            {
                var response = await http.GetAsync("/ready", Cancel);
                return $"{(int)response.StatusCode} {(await response.Content.ReadAsStringAsync(Cancel)).Replace("\\u0027", "'").Replace("\\u0022", "\"")}";
            },
            expected, $"/ready; log:\n{shop.Log}", Cancel, Long);
    }

    private static HttpClient Client(WebApplication processor) => new() { BaseAddress = new Uri(processor.Urls.First()) };
}
