using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace AspireCdc.AppHost.Containers;

/// <summary>The topic that Redpanda Connect writes to and does not create; our own connector makes it by itself.</summary>
internal static class ChangesTopic
{
    public const string Name = "shop_cdc_events";

    /// <summary>It cannot change later: a key would change its partition.</summary>
    public const int Partitions = 6;

    public static async Task CreateAsync(string? bootstrapServers, CancellationToken cancellationToken)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = bootstrapServers }).Build();
        try
        {
            await admin.CreateTopicsAsync(
            [
                new()
                {
                    Name = Name,
                    NumPartitions = Partitions,
                    ReplicationFactor = -1,
                    Configs =
                        new() { ["retention.ms"] = $"{TimeSpan.FromDays(7).TotalMilliseconds:0}", ["max.message.bytes"] = $"{16 << 20}" },
                },
            ]).WaitAsync(cancellationToken);
        }
        catch (CreateTopicsException e) when (e.Results.TrueForAll(result => result.Error.Code == ErrorCode.TopicAlreadyExists))
        {
            // It is there from an earlier run.
        }
    }
}
