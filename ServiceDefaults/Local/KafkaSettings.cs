using Confluent.Kafka;

namespace Aspire.Confluent.Kafka;

/// <summary>What the settings of a producer and of a consumer have in common.</summary>
/// <typeparam name="TConfig">librdkafka's settings.</typeparam>
public abstract class KafkaSettings<TConfig>
    where TConfig : ClientConfig, new()
{
    private protected KafkaSettings()
    {
    }

    /// <summary>The bootstrap servers; <c>ConnectionStrings:{name}</c> goes before it.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>librdkafka's own settings.</summary>
    public TConfig Config { get; } = new();

    /// <summary>Leaves out metrics.</summary>
    public bool DisableMetrics { get; set; }

    /// <summary>Leaves out the health check.</summary>
    public bool DisableHealthChecks { get; set; }
}

/// <summary>Settings of <c>AddKafkaProducer</c>, from the section <c>Aspire:Confluent:Kafka:Producer</c>.</summary>
public sealed class KafkaProducerSettings : KafkaSettings<ProducerConfig>;

/// <summary>Settings of <c>AddKafkaConsumer</c>, from the section <c>Aspire:Confluent:Kafka:Consumer</c>.</summary>
public sealed class KafkaConsumerSettings : KafkaSettings<ConsumerConfig>;
