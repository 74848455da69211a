using System.Text;
using System.Text.Json;
using AspireCdc.CdcProcessor.Changes;
using Confluent.Kafka;

namespace AspireCdc.CdcProcessor.Kafka;

/// <summary>
/// What the connector has sent, in a compacted topic of one used partition. Its records are part of the same transactions as the changes,
/// so they are never ahead of them nor behind.
/// </summary>
internal sealed class ProgressTopic(string topic)
{
    private const string SourceKey = "source", PositionKey = "position", CopyKey = "copy:", PausedKey = "paused", ResetKey = "reset",
        SentKey = "sent";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static string NameFor(string changesTopic) => changesTopic + "_progress";

    public static Dictionary<string, string> Settings { get; } = new() { ["cleanup.policy"] = "compact", ["segment.ms"] = "86400000" };

    public Task<Progress> LoadAsync(ClientConfig client, CancellationToken cancellationToken) =>
        Task.Run(() => Load(client, cancellationToken), cancellationToken);

    public void Save(IProducer<byte[], byte[]> producer, SourceIdentity source) => Save(producer, SourceKey, source);

    public void Save(IProducer<byte[], byte[]> producer, SourcePosition position) => Save(producer, PositionKey, position);

    public void Save(IProducer<byte[], byte[]> producer, TableCopy copy) => Save(producer, CopyKey + copy.Table, copy);

    /// <summary>Up to which version rows without a key have been sent.</summary>
    public void Save(IProducer<byte[], byte[]> producer, UInt128 sent) => Save(producer, SentKey, sent);

    public void SavePaused(IProducer<byte[], byte[]> producer, bool paused) => Save(producer, PausedKey, paused);

    public void RequestReset(IProducer<byte[], byte[]> producer) => Save(producer, ResetKey, true);

    /// <summary>Forgets the source, the position and the copies; the request to do so goes last.</summary>
    public void Clear(IProducer<byte[], byte[]> producer, Progress progress)
    {
        foreach (var key in (IEnumerable<string>)[.. progress.Copies.Select(copy => CopyKey + copy.Table), PositionKey, SentKey,
            SourceKey, ResetKey])
            producer.Produce(
                new TopicPartition(topic, 0), new Message<byte[], byte[]> { Key = Encoding.UTF8.GetBytes(key), Value = null! });
    }

    private void Save<T>(IProducer<byte[], byte[]> producer, string key, T value) =>
        producer.Produce(new TopicPartition(topic, 0),
            new Message<byte[], byte[]> { Key = Encoding.UTF8.GetBytes(key), Value = JsonSerializer.SerializeToUtf8Bytes(value) });

    /// <summary>Reads the topic to the end that it had when reading began: this connector's predecessors are fenced by then.</summary>
    private Progress Load(ClientConfig client, CancellationToken cancellationToken)
    {
        using var consumer = new ConsumerBuilder<byte[], byte[]?>(new ConsumerConfig(client)
        {
            GroupId = topic, // librdkafka wants one; nothing is ever committed to it
            EnableAutoCommit = false,
            IsolationLevel = IsolationLevel.ReadCommitted,
            AutoOffsetReset = AutoOffsetReset.Earliest,
            EnablePartitionEof = true,
        }).SetLogHandler((_, _) => { }).Build();
        consumer.Assign(new TopicPartitionOffset(topic, 0, Offset.Beginning));

        var records = new Dictionary<string, byte[]>();
        while (true)
        {
            var record = consumer.Consume(cancellationToken);
            if (record.IsPartitionEOF)
                break;
            var key = Encoding.UTF8.GetString(record.Message.Key);
            if (record.Message.Value is { } value)
                records[key] = value;
            else
                records.Remove(key);
        }

        return new Progress(
            Read<SourceIdentity>(SourceKey),
            Read<SourcePosition?>(PositionKey) is { } position ? [position] : [],
            [.. records.Where(record => record.Key.StartsWith(CopyKey, StringComparison.Ordinal))
                .Select(record => JsonSerializer.Deserialize<TableCopy>(record.Value)!)],
            Read<bool>(PausedKey),
            Read<bool>(ResetKey))
        { Sent = Read<UInt128>(SentKey) };

        T? Read<T>(string key) => records.TryGetValue(key, out var value) ? JsonSerializer.Deserialize<T>(value) : default;
    }
}
