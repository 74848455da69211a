using Aspire.Confluent.Kafka;
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
    private readonly ClientConfig _config;
    private readonly string _connectionName;
    private readonly KafkaMetrics? _metrics;

    private KafkaIntegration(ClientConfig config, string connectionName, KafkaMetrics? metrics) => (_config, _connectionName, _metrics) = (config, connectionName, metrics);

    /// <summary>Reads the settings of a client of this kind, and registers its metrics and its health check.</summary>
    public static KafkaIntegration Add<TSettings, TConfig>(
        IHostApplicationBuilder builder, string kind, string connectionName, Action<TSettings>? configureSettings, out TSettings settings)
        where TSettings : KafkaSettings<TConfig>, new()
        where TConfig : ClientConfig, new()
    {
        settings = new TSettings();
        var section = $"Aspire:Confluent:Kafka:{kind}";
        foreach (var path in (string[])[section, $"{section}:{connectionName}"])
        {
            builder.Configuration.GetSection(path).Bind(settings);
            builder.Configuration.GetSection($"{path}:Config").Bind(settings.Config);
        }
        settings.ConnectionString = builder.Configuration.GetConnectionString(connectionName) ?? settings.ConnectionString;
        configureSettings?.Invoke(settings);
        var config = settings.Config;
        config.BootstrapServers ??= settings.ConnectionString;

        KafkaMetrics? metrics = null;
        if (!settings.DisableMetrics)
        {
            config.StatisticsIntervalMs ??= 1000;
            metrics = new KafkaMetrics();
            builder.Services.ConfigureOpenTelemetryMeterProvider(provider => provider.AddMeter(KafkaMetrics.MeterName));
        }
        if (!settings.DisableHealthChecks)
        {
            var name = $"Aspire.Confluent.Kafka.{kind}";
            builder.Services.AddKeyedSingleton(name, (_, _) => new KafkaHealthCheck(config.BootstrapServers));
            builder.Services.AddHealthChecks().Add(new HealthCheckRegistration(name, services => services.GetRequiredKeyedService<KafkaHealthCheck>(name), null, null));
        }
        return new KafkaIntegration(config, connectionName, metrics);
    }

    /// <summary>Sends a client's log and statistics where they belong; the builders of the two kinds have no common type to do it through.</summary>
    public void Attach(IServiceProvider services, Action<Action<LogMessage>> logTo, Action<Action<string>> countIn)
    {
        ConnectionStrings.Require(_config.BootstrapServers, _connectionName);
        logTo(message => services.GetRequiredService<ILoggerFactory>()
            .CreateLogger("Aspire.Confluent.Kafka")
            .Log((LogLevel)message.LevelAs(LogLevelType.MicrosoftExtensionsLogging), "{Facility}: {Message}", message.Facility, message.Message));
        if (_metrics is not null)
            countIn(_metrics.Update);
    }
}
