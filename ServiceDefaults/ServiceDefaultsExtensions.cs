using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Http.Resilience;
using Microsoft.Extensions.Logging;

namespace AspireCdc.ServiceDefaults;

/// <summary>What every service of the solution has: telemetry, health endpoints, service discovery, resilient HTTP.</summary>
public static class ServiceDefaultsExtensions
{
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
}
