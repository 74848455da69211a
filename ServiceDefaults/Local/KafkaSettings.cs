using Confluent.Kafka;

namespace Aspire.Confluent.Kafka;

/// <summary>Settings of <c>AddKafkaProducer</c>, from the section <c>Aspire:Confluent:Kafka:Producer</c>.</summary>
public sealed class KafkaProducerSettings
{
    /// <summary>The bootstrap servers; <c>ConnectionStrings:{name}</c> goes before it.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>librdkafka's own settings.</summary>
    public ProducerConfig Config { get; } = new();

    /// <summary>Leaves out metrics.</summary>
    public bool DisableMetrics { get; set; }

    /// <summary>Leaves out the health check.</summary>
    public bool DisableHealthChecks { get; set; }
}

/// <summary>Settings of <c>AddKafkaConsumer</c>, from the section <c>Aspire:Confluent:Kafka:Consumer</c>.</summary>
public sealed class KafkaConsumerSettings
{
    /// <summary>The bootstrap servers; <c>ConnectionStrings:{name}</c> goes before it.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>librdkafka's own settings.</summary>
    public ConsumerConfig Config { get; } = new();

    /// <summary>Leaves out metrics.</summary>
    public bool DisableMetrics { get; set; }

    /// <summary>Leaves out the health check.</summary>
    public bool DisableHealthChecks { get; set; }
}
