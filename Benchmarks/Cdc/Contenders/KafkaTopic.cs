using Confluent.Kafka;

namespace AspireCdc.Benchmarks.Cdc.Contenders;

/// <summary>What has arrived in a broker: how many records, which they are, and whether a certain one is among them.</summary>
internal sealed class KafkaTopic(string bootstrapServers, params IReadOnlyList<string> topics)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>How many records are there and committed; what ends a transaction counts as one.</summary>
    public long End()
    {
        using var consumer = Consumer();
        return End(consumer);
    }

    /// <summary>Waits until that many records are there.</summary>
    public async Task ReachesAsync(long records, CancellationToken cancellationToken)
    {
        using var consumer = Consumer();
        while (End(consumer) < records)
            await Task.Delay(Poll.Drain, cancellationToken);
    }

    private long End(IConsumer<byte[], byte[]> consumer) =>
        Partitions().Sum(partition => consumer.QueryWatermarkOffsets(partition, Patience).High.Value);

    /// <summary>Reads everything committed, and counts what <paramref name="counts"/> says.</summary>
    public long Count(Func<Message<byte[], byte[]>, bool> counts, CancellationToken cancellationToken)
    {
        using var consumer = Consumer();
        var open = Partitions().Where(partition =>
            consumer.QueryWatermarkOffsets(partition, Patience) is { } marks && marks.High.Value > marks.Low.Value).ToHashSet();
        consumer.Assign(open.Select(partition => new TopicPartitionOffset(partition, Offset.Beginning)));
        var count = 0L;
        while (open.Count > 0)
        {
            var record = consumer.Consume(cancellationToken);
            if (record.IsPartitionEOF)
                open.Remove(record.TopicPartition);
            else if (counts(record.Message))
                count++;
        }
        return count;
    }

    /// <summary>A reader of what comes from here on; <paramref name="back"/> records a partition that
    /// are there already come first.</summary>
    public IConsumer<byte[], byte[]> Follow(int back)
    {
        var consumer = Consumer();
        consumer.Assign(Partitions().Select(partition =>
            new TopicPartitionOffset(partition, Math.Max(0, consumer.QueryWatermarkOffsets(partition, Patience).High.Value - back))));
        return consumer;
    }

    private List<TopicPartition> Partitions()
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = bootstrapServers }).Build();
        return [.. admin.GetMetadata(Patience).Topics
            .Where(topic => topics.Contains(topic.Topic) && topic.Error.Code == ErrorCode.NoError)
            .SelectMany(topic => topic.Partitions.Select(partition => new TopicPartition(topic.Topic, partition.PartitionId)))];
    }

    private IConsumer<byte[], byte[]> Consumer() => new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig
    {
        BootstrapServers = bootstrapServers,
        GroupId = "benchmark",
        EnableAutoCommit = false,
        EnablePartitionEof = true,
        IsolationLevel = IsolationLevel.ReadCommitted,
        FetchWaitMaxMs = 10,
    }).Build();
}
