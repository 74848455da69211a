using System.Diagnostics.Metrics;
using AspireCdc.CdcProcessor.Kafka;
using AwesomeAssertions;
using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Xunit;

namespace AspireCdc.Tests.Kafka;

public sealed class KafkaConnectionTests : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly KafkaConnection _connection;

    public KafkaConnectionTests() => _connection = new(_services.GetRequiredService<IMeterFactory>());

    public void Dispose() => _services.Dispose();

    [Fact]
    public async Task It_is_unhealthy_from_the_last_brokers_end_until_one_answers()
    {
        (await StatusAsync()).Should().Be(HealthStatus.Healthy);

        _connection.Failed(new Error(ErrorCode.Local_Transport, "one of them"));
        (await StatusAsync()).Should().Be(HealthStatus.Healthy, "others may answer");

        _connection.Failed(new Error(ErrorCode.Local_AllBrokersDown, "1/1 brokers are down"));
        (await StatusAsync()).Should().Be(HealthStatus.Unhealthy);

        _connection.Update("""{"brokers":{"a":{"state":"TRY_CONNECT"}}}""");
        (await StatusAsync()).Should().Be(HealthStatus.Unhealthy);

        _connection.Update("""{"brokers":{"a":{"state":"DOWN"},"b":{"state":"UP"}}}""");
        (await StatusAsync()).Should().Be(HealthStatus.Healthy);
    }

    [Fact]
    public void The_lag_is_that_of_the_partitions_that_are_read()
    {
        using var listener = new MeterListener();
        var lag = -1L;
        listener.InstrumentPublished = (instrument, meters) =>
        {
            if (instrument.Name == "cdc.kafka.consumer.lag"
                && ReferenceEquals(instrument.Meter.Scope, _services.GetRequiredService<IMeterFactory>()))
                meters.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => lag = value);
        listener.Start();

        _connection.Update("""{"topics":{"t":{"partitions":{"0":{"consumer_lag":5},"1":{"consumer_lag":-1},"2":{"consumer_lag":2}}}}}""");
        listener.RecordObservableInstruments();

        lag.Should().Be(7);
    }

    private async Task<HealthStatus> StatusAsync() => (await _connection.CheckHealthAsync(new())).Status;
}
