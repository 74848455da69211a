using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Http.Resilience;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace AspireCdc.ServiceDefaults;

/// <summary>What every service of the solution has: telemetry, health endpoints, service discovery, resilient HTTP.</summary>
public static class ServiceDefaultsExtensions
{
    /// <summary>The sources and meters of this solution, whatever the project.</summary>
    private const string OwnTelemetry = "AspireCdc.*";

    /// <summary>Every request and every statement would bury what a service has to say, and each has its trace.</summary>
    private static readonly string[] Talkative = ["Microsoft.AspNetCore", "Npgsql", "System.Net.Http"];

    /// <summary>Adds telemetry, a liveness check, service discovery and resilient HTTP clients.</summary>
    public static TBuilder AddServiceDefaults<TBuilder>(this TBuilder builder) where TBuilder : IHostApplicationBuilder
    {
        Loopback.KeepFromProxies();
        builder.Logging.AddSimpleConsole(console => console.SingleLine = true);
        // Before every other source, so that any setting of these levels goes before.
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource
        {
            InitialData = Talkative.Select(category => KeyValuePair.Create($"Logging:LogLevel:{category}", (string?)"Warning")),
        });
        // Whoever asks for the health gets the reasons; a service that is not ready yet would log an error for every question.
        builder.Logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);
        builder.AddTelemetry();
        builder.Services.AddHealthChecks().AddCheck("self", () => HealthCheckResult.Healthy(), [HealthEndpoints.Live]);
        builder.Services.AddServiceDiscovery();
        builder.Services.ConfigureHttpClientDefaults(http =>
        {
            // A POST that was carried out, and whose answer was lost, must not be sent again.
            http.AddStandardResilienceHandler(resilience => resilience.Retry.DisableForUnsafeHttpMethods());
            http.AddServiceDiscovery();
        });
        return builder;
    }

    /// <summary>Maps <c>/health</c>, <c>/ready</c> and <c>/alive</c>, in every environment.</summary>
    public static WebApplication MapDefaultEndpoints(this WebApplication app)
    {
        HealthEndpoints.Map(app);
        return app;
    }

    /// <summary>Logs, metrics and traces over OTLP, only where somebody listens: without an endpoint nothing is collected.</summary>
    private static void AddTelemetry(this IHostApplicationBuilder builder)
    {
        if (string.IsNullOrWhiteSpace(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"])) return;

        builder.Logging.AddOpenTelemetry(logging =>
        {
            logging.IncludeFormattedMessage = true;
            logging.IncludeScopes = true;
        });
        builder.Services.AddOpenTelemetry()
            .WithMetrics(metrics => metrics
                .AddAspNetCoreInstrumentation()
                .AddHttpClientInstrumentation()
                .AddRuntimeInstrumentation()
                .AddMeter(OwnTelemetry))
            .WithTracing(tracing => tracing
                .AddSource(OwnTelemetry)
                // Probes come every few seconds and would bury the requests that matter.
                .AddAspNetCoreInstrumentation(aspnet => aspnet.Filter = context => !HealthEndpoints.Includes(context.Request.Path))
                // A call that no request and no batch of changes has caused is a service looking after itself.
                .AddHttpClientInstrumentation(http => http.FilterHttpRequestMessage = _ => Activity.Current?.ParentId is not null))
            .UseOtlpExporter();
    }
}
