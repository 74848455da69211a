using System.Text;
using Confluent.Kafka;

namespace AspireCdc.Tests.Kafka;

/// <summary>Reads all of a topic that a reader of committed transactions finds, one partition after the other.</summary>
internal static class TopicReader
{
    public static List<TopicMessage> Read(KafkaBroker kafka, string topic, CancellationToken cancellationToken)
    {
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(new ConsumerConfig
        {
            BootstrapServers = kafka.BootstrapServers,
            GroupId = "reader",
            EnableAutoCommit = false,
            IsolationLevel = IsolationLevel.ReadCommitted,
            EnablePartitionEof = true,
        }).Build();
        var messages = new List<TopicMessage>();
        for (var partition = 0; partition < KafkaBroker.Partitions; partition++)
        {
            consumer.Assign(new TopicPartitionOffset(topic, partition, Offset.Beginning));
            while (consumer.Consume(cancellationToken) is { IsPartitionEOF: false } message)
                messages.Add(new TopicMessage(partition, Text(message.Message.Key), Text(message.Message.Value), message.Message.Headers));
        }
        return messages;

        static string? Text(byte[]? bytes) => bytes is null ? null : Encoding.UTF8.GetString(bytes);
    }
}

/// <summary>A message as text; marks have no key.</summary>
internal sealed record TopicMessage(int Partition, string? Key, string? Value, Headers Headers)
{
    public string? Header(string name) => Headers.TryGetLastBytes(name, out var bytes) ? Encoding.ASCII.GetString(bytes) : null;

    public bool IsMark(string operation) => Key is null && Value!.Contains($"\"operation\":\"{operation}\"");
}
