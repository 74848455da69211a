using Aspire.Confluent.Kafka;
using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;

namespace Microsoft.Extensions.Hosting;

/// <summary>Stands in for the producer of <c>Aspire.Confluent.Kafka</c> where Aspire's packages cannot be had.</summary>
public static class AspireKafkaProducerExtensions
{
    /// <summary>Registers an <see cref="IProducer{TKey, TValue}"/> for the bootstrap servers of that connection name, with health check and metrics.</summary>
    public static void AddKafkaProducer<TKey, TValue>(this IHostApplicationBuilder builder, string connectionName,
        Action<KafkaProducerSettings>? configureSettings = null, Action<IServiceProvider, ProducerBuilder<TKey, TValue>>? configureBuilder = null)
    {
        var client = KafkaIntegration.Add<KafkaProducerSettings, ProducerConfig>(builder, "Producer", connectionName, configureSettings, out var settings);
        builder.Services.AddSingleton(services =>
        {
            var producer = new ProducerBuilder<TKey, TValue>(settings.Config);
            client.Attach(services, log => producer.SetLogHandler((_, message) => log(message)), statistics => producer.SetStatisticsHandler((_, json) => statistics(json)));
            configureBuilder?.Invoke(services, producer);
            return producer.Build();
        });
    }
}

/// <summary>Stands in for the consumer of <c>Aspire.Confluent.Kafka</c> where Aspire's packages cannot be had.</summary>
public static class AspireKafkaConsumerExtensions
{
    /// <summary>Registers an <see cref="IConsumer{TKey, TValue}"/> for the bootstrap servers of that connection name, with health check and metrics.</summary>
    public static void AddKafkaConsumer<TKey, TValue>(this IHostApplicationBuilder builder, string connectionName,
        Action<KafkaConsumerSettings>? configureSettings = null, Action<IServiceProvider, ConsumerBuilder<TKey, TValue>>? configureBuilder = null)
    {
        var client = KafkaIntegration.Add<KafkaConsumerSettings, ConsumerConfig>(builder, "Consumer", connectionName, configureSettings, out var settings);
        builder.Services.AddSingleton(services =>
        {
            var consumer = new ConsumerBuilder<TKey, TValue>(settings.Config);
            client.Attach(services, log => consumer.SetLogHandler((_, message) => log(message)), statistics => consumer.SetStatisticsHandler((_, json) => statistics(json)));
            configureBuilder?.Invoke(services, consumer);
            return consumer.Build();
        });
    }
}
