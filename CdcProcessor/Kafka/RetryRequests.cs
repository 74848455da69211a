using AspireCdc.CdcProcessor.ClickHouse;
using Confluent.Kafka;

namespace AspireCdc.CdcProcessor.Kafka;

/// <summary>
/// Asks for dead letters to be applied again: by a message in each one's partition, so that it happens in the order of that partition.
/// Applied beside it, a row could land behind a TRUNCATE or a copy's end that its partition's processor
/// has just applied, and stay as a ghost.
/// </summary>
internal sealed class RetryRequests(string bootstrapServers, KafkaOptions options, DeadLetterTable deadLetters)
{
    /// <summary>Returns how many it asked for: all that are open, or those with these ids.</summary>
    public async Task<int> SendAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        var letters = await deadLetters.WaitingAsync(ids, cancellationToken);
        using var producer = new ProducerBuilder<Null, byte[]>(
            new ProducerConfig(options.Client(bootstrapServers)) { EnableIdempotence = true }).SetLogHandler((_, _) => { }).Build();
        try
        {
            foreach (var partition in letters.GroupBy(letter => letter.Partition))
            {
                var message = new Message<Null, byte[]> { Value = ChangeMessage.RetryOf(partition.Select(letter => letter.Id)) };
                await producer.ProduceAsync(new TopicPartition(options.Topic, partition.Key), message, cancellationToken);
            }
        }
        catch (KafkaException e)
        {
            throw new NotReadyException(
                $"Kafka at {bootstrapServers} does not take the request ({e.Error.Reason}). It goes through topic '{options.Topic}', in " +
                "the order of the changes: this user needs the right to write there.");
        }
        return letters.Count;
    }
}
