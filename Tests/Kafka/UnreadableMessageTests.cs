using AspireCdc.CdcProcessor.Running;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace AspireCdc.Tests.Kafka;

/// <summary>A message that cannot be read becomes a dead letter that names its place, and its partition goes on.</summary>
public sealed class UnreadableMessageTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Unreadable_messages_become_dead_letters_and_the_partition_goes_on()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        var good = Messages.Customer(1, "Bern").Value;
        // More than a broker takes by default; librdkafka's own keeps no more than 5 MB of a partition.
        var endless = new string('x', 1_200_000);
        (string Reason, byte[]? Body)[] bodies =
        [
            ("it is not JSON", System.Text.Encoding.UTF8.GetBytes(endless)),
            ($"its table '{endless[..60]}…' is not in the mapping", System.Text.Encoding.UTF8.GetBytes(
                $$$"""{"metadata":{"table":"{{{endless}}}","operation":"insert"},"payload":{"id":1}}""")),
            ("its key is not that of its 'before'",
                System.Text.Encoding.UTF8.GetBytes(Messages.Customer(1, "Bern", "update").Before("""{"id":2}""").Value)),
            ("it is not JSON", "not JSON"u8.ToArray()),
            ("it is not JSON", [.. System.Text.Encoding.UTF8.GetBytes(good), (byte)'x']),
            ("it is not an object", "[1]"u8.ToArray()),
            ("it has no metadata", """{"payload":{"id":1}}"""u8.ToArray()),
            ("its metadata is not an object", """{"metadata":1}"""u8.ToArray()),
            ("its metadata names no table", """{"metadata":{"operation":"insert"},"payload":{"id":1}}"""u8.ToArray()),
            ("its table 'invoice' is not in the mapping",
                """{"metadata":{"table":"invoice","operation":"insert"},"payload":{"id":1}}"""u8.ToArray()),
            ("its metadata names no operation", """{"metadata":{"table":"customer"},"payload":{"id":1}}"""u8.ToArray()),
            ("its operation 'merge' is unknown",
                """{"metadata":{"table":"customer","operation":"merge"},"payload":{"id":1}}"""u8.ToArray()),
            ("its payload lacks the key column 'id'",
                """{"metadata":{"table":"customer","operation":"insert"},"payload":{"name":"a"}}"""u8.ToArray()),
            ("its payload lacks the key column 'id'",
                """{"metadata":{"table":"customer","operation":"delete"},"payload":{"id":null}}"""u8.ToArray()),
            ("its payload is not an object", """{"metadata":{"table":"customer","operation":"insert"},"payload":7}"""u8.ToArray()),
            ("its payload is not an object", """{"metadata":{"table":"customer","operation":"insert"}}"""u8.ToArray()),
            ("its column 'name' holds an object or an array",
                """{"metadata":{"table":"customer","operation":"insert"},"payload":{"id":1,"name":{"__unchanged_toast__":true}}}"""u8.ToArray()),
            ("nested too deeply",
                System.Text.Encoding.UTF8.GetBytes("""{"metadata":{"table":"customer","operation":"insert"},"payload":""" +
                    new string('[', 5000) + new string(']', 5000) + "}")),
            ("it is not UTF-8", [(byte)'"', 0xC3, (byte)'"']),
            ("it has no body", null),
            ("it has no body", "null"u8.ToArray()),
        ];
        foreach (var (_, body) in bodies)
            await behind.Writer.SendAsync("customer:1", body, partition: 2);
        var wrongType =
            await behind.Writer.SendAsync("order:5", Messages.Order(5, 1, "new").Value.Replace("\"10.00\"", "\"ten\""), partition: 2);
        await behind.Writer.SendAsync("product:6", Messages.Product(6, "Saw").Value.Replace(":6", ":\"six\""), partition: 2);
        await behind.Writer.SendAsync(null, Messages.Customer(7, "Bern").Value, partition: 2);
        await behind.Writer.SendAsync("customer:8", Messages.Customer(8, endless).Value, partition: 2); // as long, and fine
        await behind.Writer.SendAsync("customer:9", Messages.Customer(9, "Bern").Value, partition: 2);
        await behind.StartAsync(Cancel);

        await behind.WaitForAsync("SELECT count(), countIf(length(city) = 1200000) FROM customer_dim", "2\t1", Cancel);
        await behind.WaitForAsync("SELECT count() FROM cdc_dead_letter", $"{bodies.Length + 3}", Cancel);
        var letters = (await behind.Store.QueryAsync(
            "SELECT source_partition, change_version, reason FROM cdc_dead_letter ORDER BY change_version", Cancel))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')).ToArray();

        for (var i = 0; i < bodies.Length; i++)
        {
            letters[i][..2].Should().Equal("2", $"{i + 1}");
            letters[i][2].Replace("\\'", "'").Should()
                .StartWith($"The message at offset {i} of partition 2 of {behind.Topic} cannot be read: ").And.Contain(bodies[i].Reason);
        }
        letters[^3][1].Should().Be($"{wrongType.Offset.Value + 1}");
        letters[^3][2].Should().Contain("total").And.Contain(
            "ten").And.EndWith($"It is the message at offset {wrongType.Offset.Value} of partition 2 of {behind.Topic}.");
        letters[^2][2].Should().Contain("id").And.Contain(
            "six").And.EndWith($"It is the message at offset {wrongType.Offset.Value + 1} of partition 2 of {behind.Topic}.");
        letters[^1][2].Replace("\\'", "'").Should().Be(
            $"The message at offset {wrongType.Offset.Value + 2} of partition 2 of {behind.Topic} cannot be read: it has no key and may " +
            "lie in any partition: all changes of one row must come in one, under the key 'customer:7'.");
        (await behind.Store.QueryAsync("SELECT groupArray((source_table, key)) FROM cdc_dead_letter WHERE reason LIKE '%has no key and%'",
            Cancel)).Should().Be("[('customer','7')]\n");
        (await behind.Store.QueryAsync("SELECT max(length(reason)) < 1000, max(length(raw)) > 1200000 FROM cdc_dead_letter", Cancel))
            .Should().Be("1\t1\n", "the change is kept whole, the reason can be read");
    }

    [Fact]
    public async Task A_value_that_cannot_be_stored_is_a_dead_letter_that_names_its_place_also_after_a_retry()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        await behind.Writer.SendAsync("product:6", Messages.Product(6, "Saw").Value, partition: 1);
        await behind.Writer.SendAsync("product:6", Messages.Product(6, "Saw", "update").Value.Replace("\"1.50\"", "\"NaN\""), partition: 1);
        var processor = await behind.StartAsync(Cancel);
        var expected =
            "1\tproduct\tColumn \\'price\\' is \\'NaN\\', which product_dim.price (Decimal(12, 2)) cannot hold exactly. It is the " +
            $"message at offset 1 of partition 1 of {behind.Topic}.";
        await behind.WaitForAsync(
            "SELECT source_partition, source_table, reason FROM cdc_dead_letter FINAL WHERE state = 'open'", expected, Cancel);

        (await processor.Services.GetRequiredService<ProcessorControl>().RetryAsync([], Cancel)).Should()
            .StartWith("1 dead letters will be applied again");
        await behind.WaitForAsync("SELECT position FROM cdc_progress FINAL WHERE kind = 'position' AND name = '1'", "3", Cancel);
        await behind.WaitForAsync(
            "SELECT source_partition, source_table, reason FROM cdc_dead_letter FINAL WHERE state = 'open'", expected, Cancel);
    }

    [Fact]
    public async Task An_unreadable_body_is_still_known_by_its_key()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        await behind.Writer.SendAsync("customer:77", "{");
        await behind.StartAsync(Cancel);
        await behind.WaitForAsync("SELECT source_table, key, raw, state FROM cdc_dead_letter", "customer\t77\t{\topen", Cancel);
    }
}
