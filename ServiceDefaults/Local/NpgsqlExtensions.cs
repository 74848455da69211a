using Aspire.Npgsql;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Microsoft.Extensions.Hosting;

/// <summary>Stands in for <c>Aspire.Npgsql</c> where Aspire's packages cannot be had: the same names, the same signatures.</summary>
public static class AspirePostgreSqlNpgsqlExtensions
{
    private const string Section = "Aspire:Npgsql";

    /// <summary>Registers an <see cref="NpgsqlDataSource"/> for the connection string of that name, with health check, tracing and metrics.</summary>
    public static void AddNpgsqlDataSource(this IHostApplicationBuilder builder, string connectionName,
        Action<NpgsqlSettings>? configureSettings = null, Action<NpgsqlDataSourceBuilder>? configureDataSourceBuilder = null)
    {
        var settings = new NpgsqlSettings();
        builder.Configuration.GetSection(Section).Bind(settings);
        settings.ConnectionString = builder.Configuration.GetConnectionString(connectionName) ?? settings.ConnectionString;
        configureSettings?.Invoke(settings);

        builder.Services.AddNpgsqlDataSource(settings.ConnectionString ?? "", source =>
        {
            ConnectionStrings.Require(settings.ConnectionString, connectionName);
            configureDataSourceBuilder?.Invoke(source);
        });
        if (!settings.DisableHealthChecks)
            builder.Services.AddHealthChecks().Add(new HealthCheckRegistration("PostgreSql",
                services => new NpgsqlHealthCheck(services.GetRequiredService<NpgsqlDataSource>().CreateConnection), null, null));
        builder.Services.AddNpgsqlTelemetry(!settings.DisableTracing, !settings.DisableMetrics);
    }

    internal static void AddNpgsqlTelemetry(this IServiceCollection services, bool tracing, bool metrics)
    {
        if (tracing) services.ConfigureOpenTelemetryTracerProvider(provider => provider.AddNpgsql());
        if (metrics) services.ConfigureOpenTelemetryMeterProvider(provider => provider.AddMeter("Npgsql"));
    }
}
