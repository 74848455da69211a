using System.Text;
using AspireCdc.CdcProcessor;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.Kafka;
using AspireCdc.CdcProcessor.Running;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Xunit;

namespace AspireCdc.Tests.Kafka;

/// <summary>The rules that concern Kafka, each by its number.</summary>
public sealed class KafkaRuleTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
{
    private const string NeedsBroker = "librdkafka's own broker cannot do this: set KAFKA_BOOTSTRAP_SERVERS to a real one.";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rule_19_a_dead_connectors_messages_do_not_arrive_after_its_successors()
    {
        Assert.SkipUnless(KafkaBroker.IsReal, NeedsBroker);
        var topic = kafka.NewTopic(create: false);
        await using var dead = await OpenAsync(topic);
        await dead.WriteAsync(TestSink.Updates((1, "first")), Cancel);
        await using var successor = await OpenAsync(topic);
        await successor.WriteAsync(TestSink.Updates((1, "second")), Cancel);

        // What the dead one still has on its way is refused, now and for ever.
        (await FluentActions.Awaiting(() => dead.WriteAsync(TestSink.Updates((1, "late")), Cancel)).Should()
            .ThrowAsync<Exception>()).Which.ToString().Should().Contain("fenced");
        Read(topic).Where(message => message.Key is not null).Select(message => message.Value).Should().SatisfyRespectively(
            value => value.Should().Contain("first"), value => value.Should().Contain("second"));
    }

    [Fact]
    public async Task Rule_19_an_unfinished_transaction_is_not_read()
    {
        Assert.SkipUnless(KafkaBroker.IsReal, NeedsBroker);
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        await behind.StartAsync(Cancel);
        using var producer = new ProducerBuilder<byte[], byte[]>(
            new ProducerConfig { BootstrapServers = kafka.BootstrapServers, TransactionalId = behind.Topic }).Build();
        producer.InitTransactions(TimeSpan.FromSeconds(30));
        foreach (var commits in (bool[])[false, true])
        {
            producer.BeginTransaction();
            var (key, value) = Messages.Customer(commits ? 2 : 1, "Bern");
            producer.Produce(
                behind.Topic, new Message<byte[], byte[]> { Key = Encoding.UTF8.GetBytes(key), Value = Encoding.UTF8.GetBytes(value) });
            producer.Flush(Cancel);
            if (commits)
                producer.CommitTransaction();
            else
                producer.AbortTransaction();
        }
        await behind.WaitForAsync("SELECT groupArray(customer_id) FROM customer_dim", "[2]", Cancel);
    }

    [Fact]
    public async Task Rule_20_keys_go_where_Redpanda_Connect_and_Kafkas_own_clients_put_them()
    {
        var topic = kafka.NewTopic(create: false);
        await using var sink = await OpenAsync(topic);
        await sink.WriteAsync(TestSink.Updates([.. Enumerable.Range(1, 200).Select(id => ((long)id, "Bern"))]), Cancel);
        var messages = Read(topic).Where(message => message.Key is not null).ToList();
        messages.Should().HaveCount(200);
        foreach (var (partition, key, _, _) in messages)
            partition.Should().Be((int)((Murmur2(Encoding.UTF8.GetBytes(key!)) & 0x7fffffff) % KafkaBroker.Partitions), key);
    }

    [Fact]
    public async Task Rule_21_a_TRUNCATE_clears_the_rows_that_its_partition_brought_and_no_others()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        for (var id = 1; id <= 6; id++)
            await behind.Writer.SendAsync(Messages.Customer(id, "Bern").Key, Messages.Customer(id, "Bern").Value, partition: id % 2);
        await behind.Writer.SendAsync(null, Messages.Mark("customer", "truncate"), partition: 0);
        await behind.Writer.SendAsync(Messages.Customer(2, "Thun").Key, Messages.Customer(2, "Thun").Value, partition: 0); // later than it
        await behind.StartAsync(Cancel);
        await behind.WaitForAsync("SELECT groupArray((customer_id, city)) FROM (SELECT * FROM customer_dim ORDER BY 1)",
            "[(1,'Bern'),(2,'Thun'),(3,'Bern'),(5,'Bern')]", Cancel);
    }

    [Fact]
    public async Task Rule_21_a_TRUNCATE_reaches_every_partition()
    {
        var topic = kafka.NewTopic(create: false);
        await using var sink = await OpenAsync(topic);
        using var batch = new ChangeBatch();
        TestSink.Add(batch, ChangeOperation.Truncate, commit: 100);
        await sink.WriteAsync(batch, Cancel);
        Read(topic).Where(message => message.IsMark("truncate")).Select(message => message.Partition).Should()
            .BeEquivalentTo(Enumerable.Range(0, KafkaBroker.Partitions));
    }

    [Fact]
    public async Task Rule_22_between_the_marks_of_a_copy_older_rows_are_swept_by_partition()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        foreach (var id in (long[])[1, 2, 3])
            await behind.Writer.SendAsync(Messages.Customer(id, "old").Key, Messages.Customer(id, "old").Value, partition: (int)(id % 2));
        var first = await behind.Writer.SendAsync(null, Messages.Mark("customer", "copy-begin"), partition: 1);
        await behind.Writer.SendAsync(
            Messages.Customer(1, "copied", "read").Key, Messages.Customer(1, "copied", "read").Value, partition: 1);
        await behind.Writer.SendAsync(null, Messages.Mark("customer", "copy-end", first.Offset.Value), partition: 1);
        await behind.StartAsync(Cancel);
        await behind.WaitForAsync(
            "SELECT groupArray((customer_id, city)) FROM (SELECT * FROM customer_dim ORDER BY 1)", "[(1,'copied'),(2,'old')]", Cancel);
    }

    [Fact]
    public async Task Rule_22_what_was_committed_before_a_copys_point_does_not_follow_the_copy()
    {
        var topic = kafka.NewTopic(create: false);
        await using (var sink = await OpenAsync(topic))
        {
            using var copy = TestSink.Copy(point: 500, (1, "copied"));
            await sink.WriteAsync(copy, Cancel);
            await sink.WriteAsync(TestSink.Updates(commit: 499, (1, "before")), Cancel);
            await sink.WriteAsync(TestSink.Updates(commit: 500, (1, "after")), Cancel);
        }

        // The connector's successor knows it, too.
        await using var successor = await OpenAsync(topic);
        await successor.WriteAsync(TestSink.Updates(commit: 499, (1, "before")), Cancel);
        await successor.WriteAsync(TestSink.Updates(commit: 501, (1, "last")), Cancel);
        Read(topic).Where(message => message.Key is not null).Select(message => message.Value!.Split("\"city\":\"")[1].Split('"')[0])
            .Should().Equal("copied", "after", "last");
    }

    [Fact]
    public async Task Rule_22_a_resync_repairs_what_was_lost_while_a_table_was_not_published()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var topic = kafka.NewTopic(create: false);
        await shop.ExecuteAsync(
            """
            INSERT INTO customer (email, name, country, city) SELECT 'c' || i || '@x.org', 'Customer ' || i, 'CH', 'Bern'
                FROM generate_series(1, 30) i;
            INSERT INTO "order" (customer_id, total) SELECT i, 5 FROM generate_series(1, 30) i
            """, Cancel);
        var connector = await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. kafka.Arguments(topic)]);
        await shop.StartAsync(Cancel, ["--source", "kafka", .. kafka.Arguments(topic)]);
        await shop.AssertStarEqualsJoinAsync(Cancel);

        await shop.ExecuteAsync($"ALTER PUBLICATION {Store.Publication} DROP TABLE \"order\"", Cancel);
        await shop.ExecuteAsync(
            "DELETE FROM \"order\" WHERE id % 3 = 0; UPDATE \"order\" SET status = 'lost' WHERE id % 3 = 1; INSERT INTO \"order\" " +
            "(customer_id, total) VALUES (1, 7)", Cancel);
        await shop.ExecuteAsync($"ALTER PUBLICATION {Store.Publication} ADD TABLE \"order\"", Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Thun' WHERE id = 1", Cancel);

        var control = (ProcessorControl)connector.Services.GetService(typeof(ProcessorControl))!;
        await control.ResyncAsync(["order"], Cancel);
        await shop.ExecuteAsync("UPDATE \"order\" SET status = 'after' WHERE id = 2", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        (await shop.QueryAsync("SELECT count() FROM order_fact", Cancel)).Should().Be("21\n");
    }

    /// <summary>What came to the former one is there no more, and a processor behind Kafka cannot copy it.</summary>
    [Fact]
    public async Task Rule_22_a_landing_table_that_takes_anothers_place_is_in_doubt_until_the_connector_has_copied_it()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var topic = kafka.Arguments(kafka.NewTopic(create: false));
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        var connector = await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. topic]);
        var processor = await shop.StartAsync(Cancel, ["--source", "kafka", .. topic]);
        await shop.AssertStarEqualsJoinAsync(Cancel);

        await shop.ExchangeAsync("customer_dim", Cancel);
        await SchemaShop.WaitForReadyAsync(
            processor, ready => ready.Contains("customer lacks what came before: customer_dim is another table in ClickHouse")
                && ready.Contains("ask the connector to copy it"), shop, Cancel);
        var control = (ProcessorControl)connector.Services.GetService(typeof(ProcessorControl))!;
        await control.ResyncAsync(["customer"], Cancel);

        await SchemaShop.WaitForReadyAsync(
            processor, ready => ready.StartsWith("200") && !ready.Contains("lacks what came before"), shop, Cancel);
        (await shop.QueryAsync("SELECT count() FROM customer_dim FINAL", Cancel)).Should().Be("5\n");
        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    [Fact]
    public async Task Rule_23_a_new_group_begins_with_the_first_message()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        await behind.SendAsync(Messages.Customer(1, "Bern"));
        await behind.StartAsync(Cancel);
        await behind.WaitForAsync("SELECT count() FROM customer_dim", "1", Cancel);
    }

    [Fact]
    public async Task Rule_23_messages_that_retention_took_are_told_and_not_skipped()
    {
        Assert.SkipUnless(KafkaBroker.IsReal, NeedsBroker);
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        await behind.Writer.SendAsync("customer:1", Messages.Customer(1, "Bern").Value, partition: 0);
        var processor = await behind.StartAsync(Cancel);
        await behind.WaitForAsync("SELECT sum(position) FROM cdc_progress FINAL WHERE kind = 'position'", "1", Cancel);
        await behind.Store.StopAsync(processor);

        for (var id = 2; id <= 5; id++)
            await behind.Writer.SendAsync($"customer:{id}", Messages.Customer(id, "Bern").Value, partition: 0);
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = kafka.BootstrapServers }).Build();
        await admin.DeleteRecordsAsync([new TopicPartitionOffset(behind.Topic, 0, 4)]);
        processor = await behind.StartAsync(Cancel);
        await behind.Store.WaitForPhaseAsync(processor, Phase.ResyncRequired, Cancel);
        behind.Store.Log.ToString().Should().Contain("retention has removed messages that were never applied");
        (await behind.Store.QueryAsync("SELECT count() FROM customer_dim", Cancel)).Should().Be("1\n");
    }

    [Fact]
    public async Task A_topic_that_ends_before_what_was_applied_was_made_anew_and_is_told()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        await behind.SendAsync(Messages.Customer(1, "Bern"));
        var processor = await behind.StartAsync(Cancel);
        await behind.WaitForAsync("SELECT sum(position) FROM cdc_progress FINAL WHERE kind = 'position'", "1", Cancel);
        await behind.Store.StopAsync(processor);
        await behind.Store.QueryAsync(
            "INSERT INTO cdc_progress (kind, name, position, version) SELECT 'position', toString(number), 1000, 1000 FROM numbers(4)",
            Cancel);

        // A group of another name has no offsets, and goes on where the tables end.
        processor = await behind.StartAsync(Cancel, "--Cdc:Group", behind.Topic + "_again");
        await behind.Store.WaitForPhaseAsync(processor, Phase.ResyncRequired, Cancel);
        behind.Store.Log.ToString().Should().Contain("the topic was made anew, and its versions would be older");
    }

    [Fact]
    public async Task A_topic_made_anew_under_its_old_name_is_told()
    {
        Assert.SkipUnless(KafkaBroker.IsReal, NeedsBroker);
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        await behind.SendAsync(Messages.Customer(1, "Bern"));
        var processor = await behind.StartAsync(Cancel);
        await behind.WaitForAsync("SELECT sum(position) FROM cdc_progress FINAL WHERE kind = 'position'", "1", Cancel);
        await behind.Store.StopAsync(processor);
        await kafka.DeleteAsync(behind.Topic);
        await Wait.UntilAsync(() => Task.FromResult(kafka.TryCreate(behind.Topic)),
            "the broker, which deletes in the background, to take the name again", Cancel);
        for (var i = 0; i < 20; i++)
            await behind.SendAsync(Messages.Customer(1, "Thun"));

        processor = await behind.StartAsync(Cancel);
        await behind.Store.WaitForPhaseAsync(processor, Phase.ResyncRequired, Cancel);
        behind.Store.Log.ToString().Should().Contain("their versions do not compare");
    }

    [Fact]
    public async Task The_connector_creates_its_topic_with_the_configured_partitions_and_retention()
    {
        Assert.SkipUnless(KafkaBroker.IsReal, NeedsBroker);
        var topic = "test_" + Guid.NewGuid().ToString("N")[..12];
        await using (await OpenAsync(topic, partitions: 6))
        {
        }

        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = kafka.BootstrapServers }).Build();
        admin.GetMetadata(topic, TimeSpan.FromSeconds(10)).Topics[0].Partitions.Should().HaveCount(6);
        var settings = await admin.DescribeConfigsAsync([new ConfigResource { Type = ResourceType.Topic, Name = topic }]);
        settings[0].Entries["retention.ms"].Value.Should().Be("604800000");
        await FluentActions.Awaiting(() => OpenAsync(topic, partitions: 5)).Should().ThrowAsync<NotReadyException>()
            .WithMessage("*has 6 partitions and Cdc:Partitions says 5*");
        await kafka.DeleteAsync(topic, topic + "_progress");
    }

    private Task<KafkaChangeSink> OpenAsync(string topic, int partitions = KafkaBroker.Partitions) =>
        TestSink.OpenAsync(kafka, topic, Cancel, partitions);

    private List<TopicMessage> Read(string topic) => TopicReader.Read(kafka, topic, Cancel);

    /// <summary>Kafka's hash of keys, with its seed.</summary>
    private static uint Murmur2(ReadOnlySpan<byte> data)
    {
        const uint m = 0x5bd1e995;
        var hash = 0x9747b28c ^ (uint)data.Length;
        for (; data.Length >= 4; data = data[4..])
        {
            var k = BitConverter.ToUInt32(data) * m;
            hash = (hash * m) ^ ((k ^ (k >> 24)) * m);
        }
        if (data.Length > 2)
            hash ^= (uint)data[2] << 16;
        if (data.Length > 1)
            hash ^= (uint)data[1] << 8;
        if (data.Length > 0)
            hash = (hash ^ data[0]) * m;
        hash = (hash ^ (hash >> 13)) * m;
        return hash ^ (hash >> 15);
    }
}
