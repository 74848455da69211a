using System.Collections.Concurrent;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

[assembly: Xunit.AssemblyFixture(typeof(AspireCdc.Tests.Kafka.KafkaBroker))]

namespace AspireCdc.Tests.Kafka;

/// <summary>
/// The broker of the Kafka tests: the one that <c>KAFKA_BOOTSTRAP_SERVERS</c> names, otherwise librdkafka's own, which speaks the protocol
/// over TCP but does not fence, does not hide open transactions, and has neither admin requests nor topic ids.
/// </summary>
public sealed class KafkaBroker : IDisposable
{
    private readonly Lazy<(string Servers, IProducer<byte[], byte[]>? Host)> _started = new(Start);
    private readonly ConcurrentBag<string> _topics = [];

    public static bool IsReal => Environment.GetEnvironmentVariable("KAFKA_BOOTSTRAP_SERVERS") is { Length: > 0 };

    public string BootstrapServers => _started.Value.Servers;

    /// <summary>librdkafka's broker gives a topic four partitions.</summary>
    public const int Partitions = 4;

    /// <summary>More than a broker's default.</summary>
    public const int MaxMessageBytes = 16 * 1024 * 1024;

    /// <summary>Settings of a processor that reads or writes the topic.</summary>
    public string[] Arguments(string topic) =>
    [
        "--ConnectionStrings:kafka", BootstrapServers,
        "--Cdc:Topic", topic,
        "--Cdc:Group", topic,
        "--Cdc:Partitions", "4",
        "--Cdc:Replicas", "1",
        "--Cdc:TopicIds", IsReal ? "true" : "false",
        "--Cdc:Kafka:session.timeout.ms", "10000", // a member that is gone is missed soon
    ];

    /// <summary>The name of a topic that nobody has; the mock broker makes it as soon as somebody asks
    /// for it, so it is asked for.</summary>
    public string NewTopic(bool create = true, Dictionary<string, string>? settings = null)
    {
        var topic = "test_" + Guid.NewGuid().ToString("N")[..12];
        if (settings is not null)
            Create([topic], settings);
        else if (!IsReal || create)
            Create(topic, topic + "_progress");
        return topic;
    }

    public void Create(params string[] topics) => Create(topics, new() { ["max.message.bytes"] = $"{MaxMessageBytes}" });

    private void Create(string[] topics, Dictionary<string, string> settings)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = BootstrapServers }).Build();
        foreach (var topic in topics)
        {
            _topics.Add(topic);
            if (IsReal)
                admin.CreateTopicsAsync([new TopicSpecification { Name = topic, NumPartitions = Partitions, ReplicationFactor = 1,
                    Configs = settings }]).GetAwaiter().GetResult();
            else
                admin.GetMetadata(topic, TimeSpan.FromSeconds(10));
        }
    }

    /// <summary>False while the broker refuses the name.</summary>
    public bool TryCreate(string topic)
    {
        try
        {
            Create(topic);
            return true;
        }
        catch (CreateTopicsException)
        {
            return false;
        }
    }

    public async Task DeleteAsync(params string[] topics)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = BootstrapServers }).Build();
        await admin.DeleteTopicsAsync(topics);
    }

    public void Dispose()
    {
        if (!_started.IsValueCreated)
            return;
        if (IsReal && !_topics.IsEmpty)
        {
            using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = BootstrapServers }).Build();
            try
            {
                admin.DeleteTopicsAsync(_topics.Distinct()).GetAwaiter().GetResult();
            }
            catch (DeleteTopicsException)
            {
                // Tests delete some themselves.
            }
        }
        _started.Value.Host?.Dispose();
    }

    private static (string, IProducer<byte[], byte[]>?) Start()
    {
        if (Environment.GetEnvironmentVariable("KAFKA_BOOTSTRAP_SERVERS") is { Length: > 0 } servers)
            return (servers, null);

        var host = new ProducerBuilder<byte[], byte[]>(
            new ProducerConfig(new Dictionary<string, string> { ["bootstrap.servers"] = "mock", ["test.mock.num.brokers"] = "1" }))
            .SetLogHandler((_, _) => { }).Build();
        using var admin = new DependentAdminClientBuilder(host.Handle).Build();
        var broker = admin.GetMetadata(TimeSpan.FromSeconds(10)).Brokers[0];
        return ($"{broker.Host}:{broker.Port}", host);
    }
}
