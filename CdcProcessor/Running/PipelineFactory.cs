using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Mapping;
using AspireCdc.CdcProcessor.Postgres;
using Microsoft.Extensions.Options;
using Npgsql;

namespace AspireCdc.CdcProcessor.Running;

/// <summary>Makes the configured pair of source and sink, anew for every run.</summary>
internal sealed class PipelineFactory(IServiceProvider services, IConfiguration configuration, Model model, IOptions<CdcOptions> options, ProcessorStatus status, TimeProvider time)
{
    public IChangeSink CreateSink() => new ClickHouseSink(services.GetRequiredService<ClickHouseClient>(), model, status, time);

    public IChangeSource CreateSource(IChangeSink sink) => new PostgresSource(
        configuration.GetConnectionString("shop")!, services.GetRequiredService<NpgsqlDataSource>(), model, options.Value, sink.CopiesInOrder,
        services.GetRequiredService<CopyProgress>(), status, time, services.GetRequiredService<ILogger<PostgresSource>>());

    public Pipeline CreatePipeline(IChangeSource source, IChangeSink sink) => new(source, sink, status, services.GetRequiredService<CdcMetrics>(), time);
}
