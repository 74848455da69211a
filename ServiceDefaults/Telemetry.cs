using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace AspireCdc.ServiceDefaults;

/// <summary>Logs, metrics and traces over OTLP, only where somebody listens: without an endpoint nothing is collected.</summary>
internal static class Telemetry
{
    /// <summary>The sources and meters of this solution, whatever the project.</summary>
    private const string Own = "AspireCdc.*";

    /// <summary>
    /// Upper bounds of a histogram's buckets, in seconds: from a millisecond, which is a statement, to a minute, which is an outage. With
    /// the default ones, made for milliseconds, everything below 5 s is one bucket, and its percentiles are all 5 s.
    /// </summary>
    private static readonly double[] Seconds =
    [
        0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10,
        15, 20, 30, 60,
    ];

    public static void AddTelemetry(this IHostApplicationBuilder builder)
    {
        if (string.IsNullOrWhiteSpace(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]))
            return;

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
                .AddMeter(Own)
                .AddView(BoundariesOf))
            .WithTracing(tracing => tracing
                .AddSource(Own)
                .AddProcessor<OwnAffairs>()
                .AddAspNetCoreInstrumentation(aspnet => aspnet.Filter = context => !OwnAffairs.Includes(context.Request.Path))
                .AddHttpClientInstrumentation())
            .UseOtlpExporter();
    }

    /// <summary>For every histogram of a duration, whoever made it.</summary>
    private static ExplicitBucketHistogramConfiguration? BoundariesOf(Instrument instrument) =>
        instrument is { Unit: "s" } and (Histogram<double> or Histogram<float>) ? new() { Boundaries = Seconds } : null;
}
