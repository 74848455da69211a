using System.Text;
using Confluent.Kafka;

namespace AspireCdc.Benchmarks.Cdc.Contenders;

/// <summary>Waits for orders by their ids as a consumer would: it reads what comes.</summary>
internal sealed class KafkaFollower(KafkaTopic topic) : IDisposable
{
    /// <summary>The first record wanted may be there before anybody follows.</summary>
    private const int Back = 10;

    private readonly IConsumer<byte[], byte[]> _consumer = topic.Follow(Back);

    public Task FindAsync(long id, CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            var wanted = Encoding.ASCII.GetBytes($"{id}");
            while (_consumer.Consume(cancellationToken) is var record
                && (record.IsPartitionEOF || record.Message.Value is not { } value || value.AsSpan().IndexOf(wanted) < 0))
            {
            }
        },
        cancellationToken);

    public void Dispose() => _consumer.Dispose();
}
