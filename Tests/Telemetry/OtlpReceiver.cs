using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace AspireCdc.Tests.Telemetry;

/// <summary>Where services export to, over OTLP as HTTP and Protobuf: what it has is what a dashboard has.</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<(string Service, string Name, string Series), MetricPoint> _metrics = [];
    private readonly ConcurrentDictionary<string, int> _exports = [];

    private OtlpReceiver(WebApplication app) => _app = app;

    /// <summary>All spans so far.</summary>
    public ConcurrentQueue<Span> Spans { get; } = [];

    /// <summary>The newest point of every series.</summary>
    public ICollection<MetricPoint> Metrics => _metrics.Values;

    /// <summary>How often a service has exported its metrics: its clock.</summary>
    public int ExportsOf(string service) => _exports.GetValueOrDefault(service);

    public static async Task<OtlpReceiver> StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var receiver = new OtlpReceiver(app);
        app.MapPost("/v1/metrics", receiver.TakeMetricsAsync);
        app.MapPost("/v1/traces", receiver.TakeTracesAsync);
        app.MapPost("/v1/logs", () => Results.Ok());
        await app.StartAsync(cancellationToken);
        return receiver;
    }

    /// <summary>What a service's environment needs to export here, soon.</summary>
    public IReadOnlyDictionary<string, string> EnvironmentOf(string service) => new Dictionary<string, string>
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = _app.Urls.Single(),
        ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
        ["OTEL_SERVICE_NAME"] = service,
        ["OTEL_METRIC_EXPORT_INTERVAL"] = "500",
        ["OTEL_BSP_SCHEDULE_DELAY"] = "100",
    };

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task TakeMetricsAsync(HttpContext http)
    {
        foreach (var resource in (await ReadAsync(http)).Messages(1))
        {
            var service = ServiceOf(resource);
            foreach (var metric in resource.Messages(2).SelectMany(scope => scope.Messages(2)))
            {
                // Gauge 5, sum 7, histogram 9: each has its points in field 1.
                foreach (var (kind, field) in ((string, int)[])[("gauge", 5), ("sum", 7), ("histogram", 9)])
                {
                    foreach (var point in metric.Messages(field).SelectMany(data => data.Messages(1)))
                        Add(kind == "histogram" ? MetricPoint.Histogram(service, metric, point)
                            : MetricPoint.Number(service, metric, kind, point));
                }
            }
            _exports.AddOrUpdate(service, 1, (_, count) => count + 1);
        }

        void Add(MetricPoint point) =>
            _metrics[(point.Service, point.Name, string.Join(',', point.Attributes.OrderBy(tag => tag.Key)))] = point;
    }

    private async Task TakeTracesAsync(HttpContext http)
    {
        foreach (var resource in (await ReadAsync(http)).Messages(1))
        {
            foreach (var span in resource.Messages(2).SelectMany(scope => scope.Messages(2)))
                Spans.Enqueue(Span.Of(ServiceOf(resource), span));
        }
    }

    private static string ServiceOf(Protobuf resource) => resource.Messages(1).Single().Attributes(1).GetValueOrDefault("service.name", "");

    private static async Task<Protobuf> ReadAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        return new Protobuf(body.ToArray());
    }
}

/// <summary>The newest value of one series.</summary>
/// <param name="Service">Who exports it.</param>
/// <param name="Name">The instrument.</param>
/// <param name="Unit">In UCUM.</param>
/// <param name="Kind"><c>gauge</c>, <c>sum</c> or <c>histogram</c>.</param>
/// <param name="Attributes">What tells one series from another.</param>
/// <param name="Value">The value; of a histogram, its sum.</param>
/// <param name="Bounds">A histogram's upper bounds.</param>
/// <param name="Counts">How many values fell into each bucket.</param>
internal sealed record MetricPoint(
    string Service, string Name, string Unit, string Kind, IReadOnlyDictionary<string, string> Attributes, double Value,
    IReadOnlyList<double> Bounds, IReadOnlyList<ulong> Counts)
{
    public static MetricPoint Number(string service, Protobuf metric, string kind, Protobuf point) =>
        new(service, metric.Text(1), metric.Text(3), kind, point.Attributes(7), point.Has(4) ? point.Double(4) : (long)point.Number(6), [],
            []);

    public static MetricPoint Histogram(string service, Protobuf metric, Protobuf point) => new(
        service, metric.Text(1), metric.Text(3), "histogram", point.Attributes(9), point.Has(5) ? point.Double(5) : 0,
        [.. point.Fixed64(7).Select(bits => BitConverter.UInt64BitsToDouble(bits))], [.. point.Fixed64(6)]);

    /// <summary>The name that Prometheus gives it (OpenTelemetry's compatibility rules): units as words, counters as totals.</summary>
    public string PrometheusName
    {
        get
        {
            var unit = Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
            var name = Name.Replace('.', '_');
            return $"{(name.EndsWith(unit, StringComparison.Ordinal) ? name : name + unit)}{(Kind == "sum" && !Unit.StartsWith('1') ? "_total" : "")}";
        }
    }

    public override string ToString() =>
        $"{Service} {Name} {string.Join(',', Attributes.Select(tag => $"{tag.Key}={tag.Value}"))} = {Value}";
}

/// <summary>A span as it was exported.</summary>
internal sealed record Span(
    string Service, string Trace, string Id, string Parent, string Name, int Kind, DateTime Start, DateTime End,
    IReadOnlyDictionary<string, string> Attributes, IReadOnlyList<string> Links)
{
    /// <summary>OTLP's numbers of kinds.</summary>
    public const int Server = 2, Client = 3, Consumer = 5;

    public static Span Of(string service, Protobuf span) => new(
        service, span.Hex(1), span.Hex(2), span.Hex(4), span.Text(5), (int)span.Number(6), Time(span.Fixed64(7).Single()),
        Time(span.Fixed64(8).Single()),
        span.Attributes(9), [.. span.Messages(13).Select(link => link.Hex(2))]);

    public override string ToString() =>
        $"{Service} {Name} {(End - Start).TotalMilliseconds:0.0} ms {string.Join(',', Attributes.Select(tag => $"{tag.Key}={tag.Value}"))}";

    private static DateTime Time(ulong nanoseconds) => DateTime.UnixEpoch.AddTicks((long)(nanoseconds / 100));
}
