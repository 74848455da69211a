using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace AspireCdc.CdcProcessor.Kafka;

/// <summary>Creates and describes topics.</summary>
internal sealed class TopicAdmin(string bootstrapServers, KafkaOptions options) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // What goes wrong comes back as an exception; librdkafka would say it on the console as well.
    private readonly IAdminClient _admin = new AdminClientBuilder(options.Client(bootstrapServers)).SetLogHandler((_, _) => { }).Build();

    /// <summary>The number of a topic's partitions; null if there is no such topic. (Asking for one
    /// topic by name could create it.)</summary>
    public async Task<int?> PartitionsAsync(string topic, CancellationToken cancellationToken)
    {
        try
        {
            var metadata = await Task.Run(() => _admin.GetMetadata(Patience), cancellationToken);
            return metadata.Topics.Find(found =>
                found.Topic == topic && found.Error.Code != ErrorCode.UnknownTopicOrPart)?.Partitions.Count;
        }
        catch (KafkaException e)
        {
            throw new NotReadyException(
                $"Kafka at {bootstrapServers} does not answer ({e.Error.Reason}): start it, or correct ConnectionStrings__kafka.");
        }
    }

    /// <summary>Tells a topic from one of the same name that was made later.</summary>
    public async Task<string> IdAsync(string topic, CancellationToken cancellationToken)
    {
        if (!options.TopicIds)
            return "";
        try
        {
            var topics = await _admin.DescribeTopicsAsync(TopicCollection.OfTopicNames([topic]), new() { RequestTimeout = Patience })
                .WaitAsync(cancellationToken);
            return topics.TopicDescriptions[0].TopicId.ToString();
        }
        catch (KafkaException e)
        {
            throw new NotReadyException(
                $"Kafka at {bootstrapServers} does not tell the id of topic '{topic}' ({e.Error.Reason}). If these brokers have no " +
                "topic ids, set Cdc__TopicIds=false.");
        }
    }

    /// <summary>A topic's settings; none where these brokers do not tell.</summary>
    public async Task<IReadOnlyDictionary<string, string>> SettingsAsync(string topic, CancellationToken cancellationToken)
    {
        try
        {
            var described = await _admin.DescribeConfigsAsync([new ConfigResource { Type = ResourceType.Topic, Name = topic }],
                new() { RequestTimeout = Patience }).WaitAsync(cancellationToken);
            return described[0].Entries.ToDictionary(entry => entry.Key, entry => entry.Value.Value);
        }
        catch (KafkaException)
        {
            // Not every broker knows the request, and not every user may ask.
            return new Dictionary<string, string>();
        }
    }

    public async Task CreateAsync(string topic, int partitions, Dictionary<string, string> settings, CancellationToken cancellationToken)
    {
        try
        {
            await _admin.CreateTopicsAsync(
                [new TopicSpecification { Name = topic, NumPartitions = partitions, ReplicationFactor = options.Replicas,
                    Configs = settings }],
                new() { RequestTimeout = Patience, OperationTimeout = Patience }).WaitAsync(cancellationToken);
        }
        catch (CreateTopicsException e) when (e.Results.TrueForAll(result => result.Error.Code == ErrorCode.TopicAlreadyExists))
        {
            // Another connector was faster.
        }
        catch (KafkaException e)
        {
            throw new NotReadyException(
                $"Topic '{topic}' cannot be created at {bootstrapServers} ({e.Error.Reason}): create it, with {partitions} " +
                "partitions, or give this user the right to.");
        }
    }

    public void Dispose() => _admin.Dispose();
}
