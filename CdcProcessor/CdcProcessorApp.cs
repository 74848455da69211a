using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Kafka;
using AspireCdc.CdcProcessor.Operations;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.CdcProcessor.Running;
using AspireCdc.CdcProcessor.Verification;
using AspireCdc.ServiceDefaults;
using AspireCdc.Star.Model;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace AspireCdc.CdcProcessor;

/// <summary>The processor as a web application: the pipeline in the background, health on its port.</summary>
internal static class CdcProcessorApp
{
    public static WebApplication Create(string[] args, Action<WebApplicationBuilder>? configure = null)
    {
        var builder = WebApplication.CreateBuilder(args);
        builder.AddServiceDefaults();
        configure?.Invoke(builder);
        builder.AddDatabaseUrl("shop");

        var pair = Pair.From(builder.Configuration);
        builder.Services.AddSingleton(pair);
        if (pair.Source == Pair.Postgres)
        {
            builder.AddNpgsqlDataSource("shop", configureDataSourceBuilder: source =>
            {
                ServerAddress.PreferPrimary(source.ConnectionStringBuilder);
                PinnedSession.Pin(source);
                DatabasePassword.From(builder.Configuration)?.ApplyTo(source);
            });
        }
        builder.Services.AddOptions<KafkaOptions>().BindConfiguration(CdcOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddOptions<CdcOptions>().BindConfiguration(CdcOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.TryAddSingleton(_ => StarFile.Read(CdcOptions.ModelOf(builder.Configuration)));
        // Made here: what cannot be read ends the start with a sentence, since no retry would mend it.
        if (builder.Configuration.GetConnectionString("clickhouse") is { Length: > 0 } clickhouse)
        {
            var client = new ClickHouseClient(clickhouse);
            builder.Services.AddSingleton(_ => client);
        }
        else
        {
            builder.Services.AddSingleton<ClickHouseClient>(
                _ => throw new InvalidOperationException("There is no connection string 'clickhouse': set ConnectionStrings__clickhouse."));
        }

        builder.Services.AddSingleton<CopyProgress>();
        builder.Services.AddSingleton<FactProgress>();
        builder.Services.AddSingleton<Outage>();
        builder.Services.AddSingleton<SignsOfLife>();
        builder.Services.AddSingleton<TableDoubts>();
        builder.Services.AddSingleton<ProcessorStatus>();
        builder.Services.AddSingleton<RecentFlow>();
        builder.Services.AddSingleton<CdcMetrics>();
        builder.Services.AddSingleton<PipelineFactory>();
        builder.Services.AddSingleton<ProcessorControl>();
        builder.Services.AddSingleton<OperationAccess>();
        builder.Services.AddHostedService<ProcessorService>();
        builder.Services.AddSingleton<VerificationState>();
        builder.Services.AddSingleton<ComparisonFactory>();
        builder.Services.AddSingleton<Verifier>();
        builder.Services.AddHostedService(services => services.GetRequiredService<Verifier>());
        builder.Services.AddSingleton<KafkaConnection>();
        var health = builder.Services.AddHealthChecks().AddCheck<ProcessorHealth>("pipeline");
        if (pair.Source == Pair.Kafka || pair.Sink == Pair.Kafka)
            health.AddCheck<KafkaConnection>("kafka");

        var app = builder.Build();
        // A wrong model ends the start, before anything runs by it.
        var model = app.Services.GetRequiredService<StarModel>();
        var byHand = new CdcOptions { CopyByHand = builder.Configuration[$"{CdcOptions.Section}:{nameof(CdcOptions.CopyByHand)}"] ?? "" };
        if (byHand.UnknownByHand(model) is { } unknown)
            throw new StarModelException(
                $"Cdc:CopyByHand names '{unknown}', which the model does not have: correct the name, or take it out.");
        app.UseForeignPageRefusal();
        app.MapDefaultEndpoints();
        app.MapOperations();
        return app;
    }
}
