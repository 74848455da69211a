using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace AspireCdc.Tests.Kafka;

/// <summary>Several processors behind one topic.</summary>
public sealed class ConsumerGroupTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A customer's, a product's, an order's and an item's changes in partitions of their own, delivered in many orders.</summary>
    [Fact]
    public async Task Rules_2_and_3_interleaved_partitions_end_alike_in_every_order()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        await behind.StartAsync(Cancel);
        await behind.StartAsync(Cancel);
        var random = new Random(4711);
        var sends = new List<(int Partition, Queue<(string Key, string Value)> Messages)>();
        for (var id = 1; id <= 20; id++)
        {
            // The order moves from an old customer to a young one, whose versions are lower.
            sends.Add((0,
                new([Messages.Customer(id, "Bern"), Messages.Customer(id, "Thun", "update"), Messages.Customer(id, "Chur", "update")])));
            sends.Add((1, new([Messages.Customer(id + 100, "Genf")])));
            sends.Add((1, new([Messages.Product(id, "Saw"), Messages.Product(id, "Drill", "update")])));
            sends.Add((2, new([Messages.Order(id, id, "new"), Messages.Order(id, id + 100, "paid", "update")])));
            sends.Add((3, new([Messages.Item(id, id, id, 1), Messages.Item(id, id, id, 2, "update")])));
        }
        while (sends.Count > 0)
        {
            var next = random.Next(sends.Count);
            var (key, value) = sends[next].Messages.Dequeue();
            await behind.Writer.SendAsync(key, value, sends[next].Partition);
            if (sends[next].Messages.Count == 0)
                sends.RemoveAt(next);
        }

        await behind.WaitForAsync(
            "SELECT count(), countIf(city = 'Genf' AND product_name = 'Drill' AND quantity = 2 AND status = 'paid') FROM orderitem_fact",
            "20\t20", Cancel);
        await behind.WaitForAsync("SELECT count(), countIf(city = 'Genf' AND status = 'paid') FROM order_fact", "20\t20", Cancel);
    }

    [Fact]
    public async Task Processors_share_the_partitions_and_take_over_when_one_joins_or_leaves_in_the_middle_of_a_flood()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        var first = await behind.StartAsync(Cancel);
        var second = await behind.StartAsync(Cancel);
        await behind.Store.WaitForPhaseAsync(first, Phase.Streaming, Cancel);
        await behind.Store.WaitForPhaseAsync(second, Phase.Streaming, Cancel);
        for (var id = 1; id <= 200; id++)
            await behind.SendAsync(Messages.Customer(id, "Bern"));
        await behind.WaitForAsync("SELECT count() FROM customer_dim", "200", Cancel);
        // A batch is visible a moment before its end counts as read; and a member that has just got its
        // partitions may find nothing in them yet.
        await Wait.UntilAsync(
            async () =>
            {
                await behind.SendAsync([.. Enumerable.Range(1, 8).Select(id => Messages.Customer(id, "Bern", "update"))]);
                return Read(first).Any() && Read(second).Any();
            },
            "both to read", Cancel);
        Read(first).Intersect(Read(second)).Should().HaveCountLessThan(KafkaBroker.Partitions, "a rebalance may move some of them");

        var sending = Task.Run(async () =>
        {
            for (var id = 1; id <= 400; id++)
                await behind.SendAsync(Messages.Customer(id, "Thun", "update"));
        }, Cancel);
        await behind.StartAsync(Cancel, "--Cdc:BatchChanges", "5");
        await behind.Store.StopAsync(first);
        await sending;
        await behind.WaitForAsync("SELECT count(), countIf(city = 'Thun') FROM customer_dim", "400\t400", Cancel);

        static IEnumerable<int> Read(Microsoft.AspNetCore.Builder.WebApplication processor) =>
            processor.Services.GetRequiredService<ProcessorStatus>().Applied.Select(position => position.Partition);
    }

    [Fact]
    public async Task Duplicates_of_a_partition_end_as_the_last_of_them()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        await behind.StartAsync(Cancel);
        (string, string)[] run = [Messages.Customer(1, "Bern"), Messages.Order(1, 1, "new"), Messages.Customer(1, "Thun", "update"),
            Messages.Order(2, 1, "new"), Messages.Delete("order", 2)];
        for (var i = 0; i < 3; i++)
            await behind.SendAsync(run);
        await behind.SendAsync(Messages.Product(1, "last"));
        await behind.WaitForAsync("SELECT count() FROM product_dim", "1", Cancel);
        await behind.WaitForAsync("SELECT groupArray((order_id, city)) FROM order_fact", "[(1,'Thun')]", Cancel);
    }

    [Fact]
    public async Task Offsets_are_committed_only_after_the_rows_are_there()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        await behind.SendAsync(Messages.Customer(1, "Bern"));
        await behind.Store.QueryAsync("RENAME TABLE customer_dim TO elsewhere", Cancel); // the sink refuses
        var processor = await behind.StartAsync(Cancel);
        await behind.Store.WaitForPhaseAsync(processor, Phase.Waiting, Cancel);
        Committed().Should().OnlyContain(offset => offset == Offset.Unset);

        await behind.Store.QueryAsync("RENAME TABLE elsewhere TO customer_dim", Cancel);
        await behind.WaitForAsync("SELECT city FROM customer_dim", "Bern", Cancel);
        await Wait.UntilAsync(() => Task.FromResult(Committed().Any(offset => offset > 0)), "the offset to be committed", Cancel);

        IEnumerable<Offset> Committed()
        {
            using var consumer = new ConsumerBuilder<byte[], byte[]>(
                new ConsumerConfig { BootstrapServers = kafka.BootstrapServers, GroupId = behind.Topic }).Build();
            return [.. consumer.Committed(Enumerable.Range(0, KafkaBroker.Partitions).Select(partition =>
                new TopicPartition(behind.Topic, partition)), TimeSpan.FromSeconds(10)).Select(offset => offset.Offset)];
        }
    }
}
