using AspireCdc.Tests.Fixtures;
using AspireCdc.Tests.Kafka;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Xunit;
using static AspireCdc.Tests.CdcProcessor.SchemaShop;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>Rows that change without events, since ALTER TABLE rewrote them, and rewrites that leave them.</summary>
public sealed class RewriteTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("VACUUM FULL customer")]
    [InlineData("ALTER TABLE customer ALTER city TYPE varchar(100) USING upper(city)")]
    public async Task A_table_that_is_rewritten_while_it_is_copied_is_copied_from_the_beginning(string rewrite)
    {
        await using var shop = await CreateAsync(postgres, clickhouse, Cancel);
        // One row a page: three ranges of 64 MB.
        await shop.ExecuteAsync(
            """
            ALTER TABLE customer SET (fillfactor = 10);
            INSERT INTO customer (email, name, country, city)
                SELECT i || repeat('ü', 200), repeat('ü', 250), 'CH', 'Bern' FROM generate_series(1, 18000) i;
            DELETE FROM customer WHERE id % 3 = 0
            """, Cancel);
        await shop.StartAsync(Cancel, "--Cdc:CopyReaders", "1", "--Cdc:BatchChanges", "1000");
        await Wait.ForAsync(
            async () => int.Parse(await shop.QueryAsync("SELECT count() FROM customer_dim SETTINGS final = 0", Cancel)), count =>
                count > 0, "some rows to be copied", Cancel, Long);
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
        await using var shop = await CreateAsync(postgres, clickhouse, Cancel, withTriggers: true);
        var processor = await shop.StartCopiedAsync(Cancel);
        await shop.ExecuteAsync(statement, Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await WaitForReadyAsync(processor, ready => ready == "200 {\"status\":\"ok\"}", shop, Cancel);
        shop.Log.Lines.Where(line => line.Contains("Copying product anew at")).Should().ContainSingle();
    }

    [Fact]
    public async Task What_leaves_the_values_is_not_copied_and_not_in_doubt()
    {
        await using var shop = await CreateAsync(postgres, clickhouse, Cancel, withTriggers: true);
        var processor = await shop.StartCopiedAsync(Cancel);
        await shop.ExecuteAsync("VACUUM FULL product", Cancel);
        await shop.ExecuteAsync(
            "TRUNCATE orderitem; ALTER TABLE customer ALTER city TYPE text; ALTER TABLE product ADD COLUMN note text DEFAULT 'x'", Cancel);
        await shop.ExecuteAsync("ALTER TABLE \"order\" ALTER total TYPE numeric(14,2), ALTER status TYPE varchar(60)", Cancel);
        await shop.ExecuteAsync("UPDATE \"order\" SET total = total + 1, status = 'wider'", Cancel);
        await shop.ExecuteAsync("UPDATE product SET price = price + 1; UPDATE customer SET city = 'Basel' WHERE id = 1", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);

        // What only the wider type holds waits as a dead letter, until the row is right again or the model wider.
        await shop.ExecuteAsync(
            "UPDATE \"order\" SET total = 123456789012.34 WHERE id = 3; UPDATE \"order\" SET status = 'later' WHERE id = 4", Cancel);
        await WaitForReadyAsync(processor, ready => ready.StartsWith("200") && ready.Contains("1 dead letters wait"), shop, Cancel);
        await shop.ExecuteAsync("UPDATE \"order\" SET total = 3 WHERE id = 3", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await shop.StopAsync(processor);

        processor = await shop.StartCopiedAsync(Cancel);
        await shop.ExecuteAsync("ALTER TABLE product DROP COLUMN note; UPDATE product SET price = price + 1", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await WaitForReadyAsync(processor, ready => ready == "200 {\"status\":\"ok\"}", shop, Cancel);
        shop.Log.Lines.Should().NotContain(line => line.Contains(" anew at "));
    }

    [Fact]
    public async Task Without_the_triggers_a_rewrite_is_a_doubt_with_its_command_and_truncate_is_none()
    {
        await using var shop = await CreateAsync(postgres, clickhouse, Cancel);
        var processor = await shop.StartCopiedAsync(Cancel);
        await shop.ExecuteAsync("TRUNCATE orderitem", Cancel);
        await shop.ExecuteAsync("ALTER TABLE product ALTER price TYPE numeric(12,2) USING price * 100", Cancel);

        var ready = await WaitForReadyAsync(processor, ready => ready.StartsWith("200")
            && ready.Contains("product has another file"), shop, Cancel);
        ready.Should().Contain("CdcProcessor resync product").And.NotContain("orderitem");
        using var http = Client(processor);
        (await http.GetStringAsync("/operations/status", Cancel)).Should().Contain("product").And.Contain("resync product");
        await CopyProductAsync(http, processor, shop);
    }

    [Fact]
    public async Task A_table_that_is_copied_by_hand_stays_in_doubt_over_a_restart_until_somebody_copies_it()
    {
        await using var shop = await CreateAsync(postgres, clickhouse, Cancel, withTriggers: true);
        string[] byHand = ["--Cdc:CopyByHand", "orderitem, product"];
        var processor = await shop.StartCopiedAsync(Cancel, byHand);
        await shop.ExecuteAsync("ALTER TABLE product ALTER price TYPE numeric(12,2) USING price * 100", Cancel);
        await WaitForReadyAsync(processor, ready => ready.Contains("product was rewritten by ALTER TABLE")
            && ready.Contains("CdcProcessor resync product"), shop, Cancel);
        await shop.StopAsync(processor);

        processor = await shop.StartCopiedAsync(Cancel, byHand);
        await WaitForReadyAsync(processor, ready => ready.Contains("product was rewritten by ALTER TABLE"), shop, Cancel);
        (await shop.QueryAsync("SELECT price FROM product_dim", Cancel)).Should().Be("1.99\n");
        using var http = Client(processor);
        await CopyProductAsync(http, processor, shop);
    }

    [Fact]
    public async Task Behind_the_connector_a_rewritten_table_is_copied_before_the_stream_goes_on_and_a_missing_column_stops_it()
    {
        await using var shop = await CreateAsync(postgres, clickhouse, Cancel, withTriggers: true);
        var topic = kafka.Arguments(kafka.NewTopic(create: false));
        var connector = await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. topic]);
        await shop.StartAsync(Cancel, ["--source", "kafka", .. topic]);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);

        await shop.ExecuteAsync("ALTER TABLE product ALTER price TYPE numeric(12,2) USING price * 100", Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Basel' WHERE id = 2", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);

        await shop.ExecuteAsync("ALTER TABLE product RENAME COLUMN category TO kind; UPDATE product SET price = price + 1", Cancel);
        await WaitForReadyAsync(connector, ready => ready.StartsWith("503") && ready.Contains("product.category is missing"), shop, Cancel);
        await shop.ExecuteAsync("ALTER TABLE product RENAME COLUMN kind TO category", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
    }

    /// <summary>Somebody copies the table by hand, after which all is well.</summary>
    private static async Task CopyProductAsync(HttpClient http, WebApplication processor, Store shop)
    {
        (await http.PostAsync("/operations/resync?table=product", null, Cancel)).EnsureSuccessStatusCode();
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await WaitForReadyAsync(processor, ready => ready == "200 {\"status\":\"ok\"}", shop, Cancel);
    }
}
