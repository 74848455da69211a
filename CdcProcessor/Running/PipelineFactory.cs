using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Kafka;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.ServiceDefaults;
using AspireCdc.Star.Model;
using Microsoft.Extensions.Options;
using Npgsql;

namespace AspireCdc.CdcProcessor.Running;

/// <summary>Makes the configured pair of source and sink, anew for every run.</summary>
internal sealed class PipelineFactory(
    IServiceProvider services, IConfiguration configuration, Pair pair, StarModel model, IOptions<CdcOptions> options,
    IOptions<KafkaOptions> kafka, ProcessorStatus status, TimeProvider time)
{
    private string BootstrapServers => configuration.GetConnectionString("kafka")!;

    public IChangeSink CreateSink() => pair.Sink == Pair.Kafka
        ? new KafkaChangeSink(BootstrapServers, options.Value.Slot, kafka.Value, services.GetRequiredService<KafkaConnection>(),
            services.GetRequiredService<ILogger<KafkaChangeSink>>())
        : new ClickHouseSink(
            services.GetRequiredService<ClickHouseClient>(), model, options.Value, status, services.GetRequiredService<FactProgress>(),
            time, services.GetRequiredService<ILogger<ClickHouseSink>>());

    public IChangeSource CreateSource(IChangeSink sink) => pair.Source == Pair.Kafka
        ? new KafkaChangeSource(BootstrapServers, model, kafka.Value, options.Value, status, services.GetRequiredService<KafkaConnection>(),
            services.GetRequiredService<ILogger<KafkaChangeSource>>())
        : new PostgresSource(
            new SourceServer(configuration.GetConnectionString("shop")!, DatabasePassword.From(configuration)),
            services.GetRequiredService<NpgsqlDataSource>(), model, options.Value, sink.CopiesInOrder,
            services.GetRequiredService<CopyProgress>(), status, time, services.GetRequiredService<ILogger<PostgresSource>>());

    public DeadLetterTable CreateDeadLetters() => pair.Sink == Pair.Kafka
        ? throw new OperationException(KafkaChangeSink.DeadLettersAreTheProcessors)
        : new DeadLetterTable(services.GetRequiredService<ClickHouseClient>(), time);

    public RetryRequests CreateRetryRequests() => new(BootstrapServers, kafka.Value, CreateDeadLetters());

    public Pipeline CreatePipeline(IChangeSource source, IChangeSink sink) =>
        new(source, sink, status, services.GetRequiredService<CdcMetrics>(), time, services.GetRequiredService<ILogger<Pipeline>>());
}
