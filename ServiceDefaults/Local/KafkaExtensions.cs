using Aspire.Confluent.Kafka;
using Confluent.Kafka;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Microsoft.Extensions.Hosting;

/// <summary>Stands in for the producer of <c>Aspire.Confluent.Kafka</c> where Aspire's packages cannot be had.</summary>
public static class AspireKafkaProducerExtensions
{
    /// <summary>Registers an <see cref="IProducer{TKey, TValue}"/> for the bootstrap servers of that connection name, with health check and metrics.</summary>
    public static void AddKafkaProducer<TKey, TValue>(this IHostApplicationBuilder builder, string connectionName,
        Action<KafkaProducerSettings>? configureSettings = null, Action<IServiceProvider, ProducerBuilder<TKey, TValue>>? configureBuilder = null)
    {
        var settings = new KafkaProducerSettings();
        KafkaIntegration.Bind(builder, "Aspire:Confluent:Kafka:Producer", connectionName, settings, settings.Config);
        settings.ConnectionString = builder.Configuration.GetConnectionString(connectionName) ?? settings.ConnectionString;
        configureSettings?.Invoke(settings);
        settings.Config.BootstrapServers ??= settings.ConnectionString;

        var client = new KafkaIntegration(builder, settings.Config, connectionName, settings.DisableMetrics);
        builder.Services.AddSingleton(services =>
        {
            client.Validate();
            var producer = new ProducerBuilder<TKey, TValue>(settings.Config);
            producer.SetLogHandler((_, message) => client.Log(services, message));
            if (client.Metrics is { } metrics) producer.SetStatisticsHandler((_, json) => metrics.Update(json));
            configureBuilder?.Invoke(services, producer);
            return producer.Build();
        });
        if (!settings.DisableHealthChecks) client.AddHealthCheck("Aspire.Confluent.Kafka.Producer");
    }
}

/// <summary>Stands in for the consumer of <c>Aspire.Confluent.Kafka</c> where Aspire's packages cannot be had.</summary>
public static class AspireKafkaConsumerExtensions
{
    /// <summary>Registers an <see cref="IConsumer{TKey, TValue}"/> for the bootstrap servers of that connection name, with health check and metrics.</summary>
    public static void AddKafkaConsumer<TKey, TValue>(this IHostApplicationBuilder builder, string connectionName,
        Action<KafkaConsumerSettings>? configureSettings = null, Action<IServiceProvider, ConsumerBuilder<TKey, TValue>>? configureBuilder = null)
    {
        var settings = new KafkaConsumerSettings();
        KafkaIntegration.Bind(builder, "Aspire:Confluent:Kafka:Consumer", connectionName, settings, settings.Config);
        settings.ConnectionString = builder.Configuration.GetConnectionString(connectionName) ?? settings.ConnectionString;
        configureSettings?.Invoke(settings);
        settings.Config.BootstrapServers ??= settings.ConnectionString;

        var client = new KafkaIntegration(builder, settings.Config, connectionName, settings.DisableMetrics);
        builder.Services.AddSingleton(services =>
        {
            client.Validate();
            var consumer = new ConsumerBuilder<TKey, TValue>(settings.Config);
            consumer.SetLogHandler((_, message) => client.Log(services, message));
            if (client.Metrics is { } metrics) consumer.SetStatisticsHandler((_, json) => metrics.Update(json));
            configureBuilder?.Invoke(services, consumer);
            return consumer.Build();
        });
        if (!settings.DisableHealthChecks) client.AddHealthCheck("Aspire.Confluent.Kafka.Consumer");
    }
}
