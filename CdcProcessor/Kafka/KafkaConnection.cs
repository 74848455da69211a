using System.Diagnostics.Metrics;
using System.Text.Json;
using Confluent.Kafka;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AspireCdc.CdcProcessor.Kafka;

/// <summary>
/// What the clients say of themselves: metrics, and whether a broker answers. A client waits in silence for brokers that have gone, so
/// the pipeline alone would look healthy.
/// </summary>
internal sealed class KafkaConnection : IHealthCheck
{
    /// <summary>How often librdkafka counts (statistics.interval.ms).</summary>
    public const int StatisticsIntervalMs = 5000;

    private volatile Totals _totals = new(0, 0, 0, 0, 0, 0);
    private volatile string? _lost;

    public KafkaConnection(IMeterFactory meters)
    {
        var meter = meters.Create("AspireCdc.CdcProcessor.Kafka");
        meter.CreateObservableCounter(
            "cdc.kafka.messages.sent", () => _totals.MessagesSent, "{message}", "Messages that brokers have taken.");
        meter.CreateObservableCounter(
            "cdc.kafka.messages.received", () => _totals.MessagesReceived, "{message}", "Messages that brokers have given.");
        meter.CreateObservableCounter("cdc.kafka.network.sent", () => _totals.BytesSent, "By", "Bytes sent to brokers.");
        meter.CreateObservableCounter("cdc.kafka.network.received", () => _totals.BytesReceived, "By", "Bytes received from brokers.");
        meter.CreateObservableGauge(
            "cdc.kafka.consumer.lag", () => _totals.Lag, "{message}", "Messages that the topic has and this processor has not read.");
        meter.CreateObservableGauge("cdc.kafka.queue", () => _totals.Queued, "{message}", "Messages on their way to brokers.");
    }

    /// <summary>Takes an error of a client.</summary>
    public void Failed(Error error)
    {
        if (error.Code == ErrorCode.Local_AllBrokersDown)
            _lost = error.Reason;
    }

    /// <summary>Takes a report of librdkafka (STATISTICS.md).</summary>
    public void Update(string statistics)
    {
        using var report = JsonDocument.Parse(statistics);
        var root = report.RootElement;
        _totals = new(Number(root, "txmsgs"), Number(root, "rxmsgs"), Number(root, "tx_bytes"), Number(root, "rx_bytes"), Lag(root),
            Number(root, "msg_cnt"));
        if (Members(root, "brokers").Any(broker => broker.TryGetProperty("state", out var state) && state.ValueEquals("UP")))
            _lost = null;
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(
        _lost is { } reason
            ? HealthCheckResult.Unhealthy(
                $"No Kafka broker answers ({reason}). Start one, or correct " +
                "ConnectionStrings__kafka; the processor goes on by itself then.")
            : HealthCheckResult.Healthy());

    /// <summary>-1 stands for a partition that is not read here.</summary>
    private static long Lag(JsonElement root) => Members(root, "topics")
        .SelectMany(topic => Members(topic, "partitions"))
        .Sum(partition => Math.Max(0, Number(partition, "consumer_lag")));

    private static IEnumerable<JsonElement> Members(JsonElement element, string name) =>
        element.TryGetProperty(name, out var members) ? members.EnumerateObject().Select(member => member.Value) : [];

    private static long Number(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.GetInt64() : 0;

    private sealed record Totals(long MessagesSent, long MessagesReceived, long BytesSent, long BytesReceived, long Lag, long Queued);
}
