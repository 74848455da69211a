using System.Diagnostics.Metrics;
using System.Text.Json;

namespace Microsoft.Extensions.Hosting;

/// <summary>librdkafka's running totals, under the names that Aspire gives them.</summary>
internal sealed class KafkaMetrics
{
    public const string MeterName = "Aspire.Confluent.Kafka";

    private Totals _totals = new(0, 0, 0, 0, 0);

    public KafkaMetrics()
    {
        var meter = new Meter(MeterName);
        meter.CreateObservableCounter("messaging.kafka.network.tx", () => _totals.Sent);
        meter.CreateObservableCounter("messaging.kafka.network.rx", () => _totals.Received);
        meter.CreateObservableCounter("messaging.kafka.message.transmitted", () => _totals.MessagesSent);
        meter.CreateObservableCounter("messaging.kafka.message.received", () => _totals.MessagesReceived);
        meter.CreateObservableGauge("messaging.kafka.producer.queue.message_count", () => _totals.Queued);
    }

    /// <summary>Takes one report of librdkafka (statistics.interval.ms).</summary>
    public void Update(string statistics)
    {
        using var report = JsonDocument.Parse(statistics);
        _totals = new Totals(Read("tx_bytes"), Read("rx_bytes"), Read("txmsgs"), Read("rxmsgs"), Read("msg_cnt"));

        long Read(string name) => report.RootElement.TryGetProperty(name, out var value) ? value.GetInt64() : 0;
    }

    private sealed record Totals(long Sent, long Received, long MessagesSent, long MessagesReceived, long Queued);
}
