using Confluent.Kafka;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;

namespace Microsoft.Extensions.Hosting;

/// <summary>What a Kafka producer and a Kafka consumer have in common: settings, librdkafka's log, metrics, health.</summary>
internal sealed class KafkaIntegration
{
    private readonly IHostApplicationBuilder _builder;
    private readonly ClientConfig _config;
    private readonly string _connectionName;

    public KafkaIntegration(IHostApplicationBuilder builder, ClientConfig config, string connectionName, bool disableMetrics)
    {
        (_builder, _config, _connectionName) = (builder, config, connectionName);
        if (disableMetrics) return;

        config.StatisticsIntervalMs ??= 1000;
        Metrics = new KafkaMetrics();
        builder.Services.ConfigureOpenTelemetryMeterProvider(provider => provider.AddMeter(KafkaMetrics.MeterName));
    }

    public KafkaMetrics? Metrics { get; }

    public static void Bind(IHostApplicationBuilder builder, string section, string connectionName, object settings, ClientConfig config)
    {
        foreach (var path in (string[])[section, $"{section}:{connectionName}"])
        {
            builder.Configuration.GetSection(path).Bind(settings);
            builder.Configuration.GetSection($"{path}:Config").Bind(config);
        }
    }

    public void Validate() => ConnectionStrings.Require(_config.BootstrapServers, _connectionName);

    public void Log(IServiceProvider services, LogMessage message) => services.GetRequiredService<ILoggerFactory>()
        .CreateLogger("Aspire.Confluent.Kafka")
        .Log((LogLevel)message.LevelAs(LogLevelType.MicrosoftExtensionsLogging), "{Facility}: {Message}", message.Facility, message.Message);

    public void AddHealthCheck(string name)
    {
        _builder.Services.AddKeyedSingleton(name, (_, _) => new KafkaHealthCheck(_config.BootstrapServers));
        _builder.Services.AddHealthChecks().Add(new HealthCheckRegistration(name,
            services => services.GetRequiredKeyedService<KafkaHealthCheck>(name), null, null));
    }
}
