using System.Text;
using Confluent.Kafka;

namespace AspireCdc.Tests.Kafka;

/// <summary>Writes messages as Redpanda Connect does: no transactions, keys placed by murmur2.</summary>
internal sealed class TopicWriter : IDisposable
{
    private readonly IProducer<byte[]?, byte[]?> _producer;
    private readonly string _topic;

    public TopicWriter(KafkaBroker kafka, string topic)
    {
        _topic = topic;
        _producer = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig
        {
            BootstrapServers = kafka.BootstrapServers,
            Partitioner = Partitioner.Murmur2Random,
            EnableIdempotence = true,
            LingerMs = 0,
            MessageMaxBytes = KafkaBroker.MaxMessageBytes,
        }).Build();
    }

    public Task<TopicPartitionOffset> SendAsync(string? key, string? value, int? partition = null) =>
        SendAsync(key, value is null ? null : Encoding.UTF8.GetBytes(value), partition);

    public async Task<TopicPartitionOffset> SendAsync(string? key, byte[]? value, int? partition = null)
    {
        var message = new Message<byte[]?, byte[]?> { Key = key is null ? null : Encoding.UTF8.GetBytes(key), Value = value };
        var sent = await _producer.ProduceAsync(new TopicPartition(_topic, partition ?? Partition.Any), message);
        return sent.TopicPartitionOffset;
    }

    public void Dispose() => _producer.Dispose();
}
