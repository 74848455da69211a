using AspireCdc.CdcProcessor.Running;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace AspireCdc.Tests.Kafka;

/// <summary>Redpanda Connect's messages, exactly as its unit tests have them and as its documentation and source describe
/// them, through our processor.</summary>
public sealed class ConnectMessageTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_messages_of_connects_unit_tests_land_or_become_dead_letters()
    {
        var tests = ConnectMessages.Read();
        tests.Should().HaveCount(10);
        tests.Sum(test => test.Value.Count).Should().Be(16);

        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        foreach (var (key, value) in tests.SelectMany(test => test.Value))
            await behind.Writer.SendAsync(key, value);
        await behind.SendAsync(Messages.Product(999, "the last one"));
        await behind.StartAsync(Cancel);
        await behind.WaitForAsync("SELECT count() FROM product_dim WHERE product_id = 999", "1", Cancel);
        await behind.WaitForAsync("SELECT sum(position) >= 17 FROM cdc_progress FINAL WHERE kind = 'position'", "1", Cancel);

        // insert, NUMERIC and time as they came
        (await behind.Store.QueryAsync("SELECT order_id, customer_id, order_date, status, total, lsn_text FROM order_landing", Cancel))
            .Should().Be("1\t7\t2026-01-02 03:04:05.678901\tpending\t29.9\t0/1A2B3C4\n");
        // every digit, an id beyond 2^53 too
        (await behind.Store.QueryAsync("SELECT product_id, price FROM product_dim WHERE product_id != 999 ORDER BY 1", Cancel))
            .Should().Be("3\t0.1\n9007199254740993\t9999999999.99\n");
        // a delete, and a copied row without an lsn
        (await behind.Store.QueryAsync("SELECT orderitem_id, quantity, price, lsn FROM orderitem_landing", Cancel)).Should()
            .Be("5\t3\t1.5\t0\n");
        // a changed key: the old one ends as a tombstone under its own key
        (await behind.Store.QueryAsync("SELECT customer_id, is_deleted FROM customer_dim ORDER BY version SETTINGS final = 0", Cancel))
            .Should().Be("1\t1\n");

        // NaN and null where ClickHouse takes none, and rows that lack columns with nothing to take them from; open, or by now settled by
        // the message that overtook one of them, which is looked for every five seconds.
        var letters = (await behind.Store.QueryAsync("SELECT source_table, key, operation FROM cdc_dead_letter FINAL ORDER BY ALL", Cancel))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        letters.Should().Equal(
            "customer\t1\tinsert", "customer\t1\tinsert", "customer\t1\tupdate", "customer\t10\tinsert", "customer\t2\tinsert",
            "customer\t4\tinsert",
            "customer\t7\tupdate", "customer\t7\tupdate", "customer\t7\tupdate", "product\t2\tinsert");
    }

    [Fact]
    public async Task Times_with_offsets_numbers_for_NUMERIC_and_other_spellings_are_read()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        await behind.Writer.SendAsync(
            "order:1",
            """{"payload":{"total":29.90,"status":"a","order_date":"2026-01-02T04:04:05.5+01:00","customer_id":"7","id":1},"metadata":""" +
            """{"operation":"insert","table":"order","lsn":"0/1A2B3C4"}}""");
        await behind.Writer.SendAsync(
            "order:2",
            """{"metadata":{"table":"order","operation":"read"},"payload":""" +
            """{"id":2,"customer_id":7,"order_date":"2026-01-01T20:04:05-07:00","status":"a","total":1e2""" +
            ""","surplus":{"x":[1]}},"other":[{}]}""");
        await behind.StartAsync(Cancel);
        await behind.WaitForAsync(
            "SELECT order_id, order_date, total, lsn FROM order_landing ORDER BY order_id FORMAT CSV",
            "1,\"2026-01-02 03:04:05.500000\",29.9,27440068\n2,\"2026-01-02 03:04:05.000000\",100,0", Cancel);
    }

    /// <summary>An interrupted snapshot of Redpanda Connect's starts anew; a row deleted in between stays in the topic. Only the second
    /// copy's rows can tell, and nothing says that they are all.</summary>
    [Fact]
    public async Task A_ghost_of_an_interrupted_snapshot_stays_until_the_tables_start_anew()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        await behind.SendAsync(Messages.Customer(1, "Bern", "read"), Messages.Customer(2, "Bern", "read"),
            Messages.Customer(1, "Bern", "read"), Messages.Customer(3, "Bern", "read"));
        await behind.StartAsync(Cancel);
        await behind.WaitForAsync(
            "SELECT groupArray(customer_id) FROM (SELECT customer_id FROM customer_dim ORDER BY 1)", "[1,2,3]", Cancel);
    }

    /// <summary>Connect's mapping takes a changed key apart. A foreign producer's may not: the old key may live in another partition, and
    /// no offset of this one can end it there.</summary>
    [Fact]
    public async Task An_update_whose_before_has_another_key_is_a_dead_letter_for_good_and_one_with_the_same_key_is_an_update()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        await behind.SendAsync(Messages.Customer(1, "Bern"), Messages.Customer(2, "Chur"), Messages.Order(1, 1, "new"));
        // REPLICA IDENTITY DEFAULT
        var moved = Messages.Customer(9, "Thun", "update")
            .Before("""{"id":1,"email":null,"name":null,"country":null,"city":null,"created_at":null}""");
        await behind.SendAsync(moved, Messages.Customer(2, "Basel", "update").Before(Payload(Messages.Customer(2, "Chur")))); // FULL
        var processor = await behind.StartAsync(Cancel);

        await behind.WaitForAsync("SELECT customer_id, city FROM customer_dim ORDER BY 1", "1\tBern\n2\tBasel", Cancel);
        const string letter =
            "SELECT source_table, key, state, position(reason, 'must arrive as a delete under the old one and an insert under the new " +
            "one') > 0 FROM cdc_dead_letter FINAL";
        await behind.WaitForAsync(letter, "customer\t9\topen\t1", Cancel);

        // To apply it again would be as wrong as the first time.
        await processor.Services.GetRequiredService<ProcessorControl>().RetryAsync([], Cancel);
        await behind.SendAsync(Messages.Delete("customer", 1), Messages.Customer(9, "Thun"), Messages.Order(1, 9, "new", "update"));
        await behind.WaitForAsync("SELECT customer_id, city FROM customer_dim ORDER BY 1", "2\tBasel\n9\tThun", Cancel);
        await behind.WaitForAsync("SELECT order_id, city FROM order_fact", "1\tThun", Cancel);
        await behind.WaitForAsync(letter, "customer\t9\topen\t1", Cancel);

        static string Payload((string Key, string Value) message) =>
            System.Text.Json.Nodes.JsonNode.Parse(message.Value)!["payload"]!.ToJsonString();
    }

    [Fact]
    public async Task Rule_9_an_absent_column_is_taken_from_the_row_before()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        await behind.SendAsync(
            Messages.Customer(1, "Bern"), Messages.Customer(1, "", "update").Without("city"), Messages.Customer(1, "Thun", "update")
                .Without("name").Without("created_at"),
            Messages.Customer(2, "Basel"), Messages.Customer(2, "Chur", "update").Without("email"));
        await behind.StartAsync(Cancel);
        await behind.WaitForAsync(
            "SELECT customer_id, customer_name, customer_email, city, created_at FROM customer_dim ORDER BY 1 FORMAT CSV",
            "1,\"Customer 1\",\"c1@x.org\",\"Thun\",\"2026-01-02 03:04:05.000000\"\n2,\"Customer 2\",\"c2@x.org\",\"Chur\",\"2026-01-02 " +
            "03:04:05.000000\"", Cancel);
        (await behind.Store.QueryAsync("SELECT count() FROM cdc_dead_letter", Cancel)).Should().Be("0\n");
    }

    [Fact]
    public async Task Rule_9_an_absent_column_is_never_taken_from_before_a_dead_letter_nor_from_nothing()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        var broken = Messages.Customer(1, "Thun", "update");
        await behind.SendAsync(
            // after a dead letter
            Messages.Customer(1, "Bern"), (broken.Key, broken.Value.Replace("2026-01-02T", "29999-01-02T")),
            Messages.Customer(1, "", "update").Without("city"),
            Messages.Customer(2, "Basel").Without("city"), // an insert, as the second half of a changed key
                                                           // over a deleted row
            Messages.Customer(3, "Chur"), Messages.Delete("customer", 3), Messages.Customer(3, "", "update").Without("city"),
            Messages.Customer(4, "", "update").Without("city")); // over nothing
        await behind.SendAsync(Messages.Product(1, "last"));
        await behind.StartAsync(Cancel);
        await behind.WaitForAsync(
            "SELECT groupArray((key, operation)) FROM (SELECT key, operation FROM cdc_dead_letter FINAL WHERE " +
            "state = 'open' ORDER BY key, change_version)",
            "[('1','update'),('1','update'),('2','insert'),('3','update'),('4','update')]", Cancel);
        await behind.WaitForAsync("SELECT customer_id, city FROM customer_dim FORMAT CSV", "1,\"Bern\"", Cancel);

        // A whole row settles what came before it.
        await behind.SendAsync(Messages.Customer(1, "Olten", "update"), Messages.Customer(1, "", "update").Without("name"));
        await behind.WaitForAsync("SELECT city FROM customer_dim WHERE customer_id = 1", "Olten", Cancel);
    }

    [Fact]
    public async Task Rule_9_a_message_that_landed_before_is_only_derived_again()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        await behind.Writer.SendAsync("customer:1", Messages.Customer(1, "Bern").Value, partition: 0);
        await behind.Writer.SendAsync("order:1", Messages.Order(1, 1, "new").Value, partition: 1);
        await behind.Writer.SendAsync("customer:1", Messages.Customer(1, "", "update").Without("city").Value, partition: 0);
        var processor = await behind.StartAsync(Cancel);
        await behind.WaitForAsync("SELECT city, (SELECT max(version) FROM customer_dim) FROM order_fact", "Bern\t2", Cancel);
        await behind.Store.StopAsync(processor);

        // A crash after the update had landed and before anything was derived from it: it alone comes again, to another group.
        foreach (var table in (string[])["order_fact", "cdc_progress"])
            await behind.Store.QueryAsync($"TRUNCATE TABLE {table}", Cancel);
        await behind.Store.QueryAsync(
            "INSERT INTO cdc_progress (kind, name, position, version) VALUES ('position', '0', 1, 1), ('position', '1', 1, 1)", Cancel);
        await behind.StartAsync(Cancel, "--Cdc:Group", behind.Topic + "_again");
        await behind.WaitForAsync("SELECT city FROM order_fact", "Bern", Cancel);
        (await behind.Store.QueryAsync("SELECT count() FROM cdc_dead_letter", Cancel)).Should().Be("0\n");
    }
}
