using System.ComponentModel.DataAnnotations;
using Confluent.Kafka;

namespace AspireCdc.CdcProcessor.Kafka;

/// <summary>What concerns Kafka in the section <c>Cdc</c>.</summary>
internal sealed class KafkaOptions
{
    /// <summary>The topic of the changes.</summary>
    [RegularExpression("^[A-Za-z0-9._-]{1,200}$", ErrorMessage =
        "Cdc:Topic must be 1 to 200 letters, digits, dots, underscores and hyphens, as Kafka takes it; by default it is shop_cdc_events.")]
    public string Topic { get; set; } = "shop_cdc_events";

    /// <summary>The consumer group of the processors.</summary>
    [Required(ErrorMessage = "Cdc:Group is empty: name the consumer group, by default shop_cdc_processor.")]
    public string Group { get; set; } = "shop_cdc_processor";

    /// <summary>The partitions of a topic that the connector creates; as many processors can share the work. It cannot change later: a key
    /// would change its partition.</summary>
    [Range(1, 1000, ErrorMessage = "Cdc:Partitions must be 1 to 1000.")]
    public int Partitions { get; set; } = 6;

    /// <summary>How long a topic that the connector creates keeps its messages; a processor that stays away
    /// for longer must start anew.</summary>
    public TimeSpan Retention { get; set; } = TimeSpan.FromDays(7);

    /// <summary>The copies of each partition in a topic that the connector creates; -1 leaves it to the brokers.</summary>
    public short Replicas { get; set; } = -1;

    /// <summary>The largest message.</summary>
    [Range(1 << 20, 1_000_000_000, ErrorMessage = "Cdc:MaxMessageBytes must be 1048576 to 1000000000.")]
    public int MaxMessageBytes { get; set; } = 16 * 1024 * 1024;

    /// <summary>A topic's id tells it from one of the same name that was made later. False for brokers that have no ids.</summary>
    public bool TopicIds { get; set; } = true;

    /// <summary>Further settings of librdkafka, by its own names: <c>Cdc:Kafka:security.protocol</c> and its like.</summary>
    public Dictionary<string, string> Kafka { get; } = [];

    /// <summary>What all clients have in common.</summary>
    public ClientConfig Client(string bootstrapServers)
    {
        var config =
            new ClientConfig(new Dictionary<string, string>(Kafka)) { BootstrapServers = bootstrapServers, ClientId = "aspirecdc" };
        return config;
    }
}
