using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Kafka;

/// <summary>PostgreSQL → Kafka → ClickHouse, as people use it: the connector, and one processor or several behind it.</summary>
public sealed class KafkaPairTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rows_before_the_slot_and_changes_after_it_arrive_through_the_topic()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var topic = kafka.NewTopic(create: false);
        await shop.ExecuteAsync(
            """
            INSERT INTO customer (email, name, country, city) SELECT 'c' || i || '@x.org', 'Customer ' || i, 'CH', 'Bern'
                FROM generate_series(1, 20) i;
            INSERT INTO product (name, category, price) SELECT 'Product ' || i, 'Tools', i + 0.99 FROM generate_series(1, 5) i;
            INSERT INTO "order" (customer_id, total) SELECT 1 + i % 20, i FROM generate_series(1, 100) i;
            INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT 1 + i % 100, 1 + i % 5, i, 2.50
                FROM generate_series(1, 300) i;
            """, Cancel);
        await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. kafka.Arguments(topic)]);
        await shop.StartAsync(Cancel, ["--source", "kafka", .. kafka.Arguments(topic)]);
        await shop.AssertStarEqualsJoinAsync(Cancel);

        await shop.ExecuteAsync(
            "INSERT INTO customer (email, name, country, city) VALUES ('new@x.org', E'Tab\\tand\\\\ünïcode', 'DE', 'Köln')", Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Zürich' WHERE id = 3", Cancel);
        await shop.ExecuteAsync("UPDATE product SET name = 'Renamed' WHERE id = 2", Cancel);
        await shop.ExecuteAsync("UPDATE orderitem SET id = 1000 WHERE id = 1", Cancel);
        await shop.ExecuteAsync("DELETE FROM customer WHERE id = 4", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);

        await shop.ExecuteAsync("TRUNCATE \"order\" CASCADE", Cancel);
        await shop.ExecuteAsync("INSERT INTO \"order\" (customer_id, total) VALUES (3, 5)", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        (await shop.QueryAsync("SELECT count() FROM cdc_dead_letter", Cancel)).Should().Be("0\n");
    }

    [Fact]
    public async Task A_processor_that_begins_anew_takes_its_group_back_to_the_beginning_before_it_empties_the_tables()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var topic = kafka.NewTopic(create: false);
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. kafka.Arguments(topic)]);
        var processor = await shop.StartAsync(Cancel, ["--source", "kafka", .. kafka.Arguments(topic)]);
        await shop.AssertStarEqualsJoinAsync(Cancel);

        using (var http = new HttpClient { BaseAddress = new Uri(processor.Urls.First()) })
            (await http.PostAsync("/operations/resync?all=true", null, Cancel)).EnsureSuccessStatusCode();
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.StopAsync(processor);

        // Tables that are emptied behind the group's back are told.
        await shop.QueryAsync("TRUNCATE TABLE cdc_progress", Cancel);
        processor = await shop.StartAsync(Cancel, ["--source", "kafka", .. kafka.Arguments(topic)]);
        await Wait.UntilAsync(() => Task.FromResult(shop.Log.Lines.Any(line =>
            line.Contains("and the tables have nothing: they are others than then. Run 'CdcProcessor resync --all'."))),
            "the processor to say so", Cancel);
    }
}
