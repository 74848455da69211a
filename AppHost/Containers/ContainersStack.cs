using Microsoft.Extensions.Configuration;

namespace AspireCdc.AppHost.Containers;

/// <summary>PostgreSQL, Redpanda and ClickHouse as containers, with a connector between the first two.</summary>
internal static class ContainersStack
{
    /// <summary>The name of a resource's container and of its volume.</summary>
    public static string Named(string resource) => $"aspirecdc-{resource}";

    /// <summary>Checks that there is a container engine, and empties the volumes if asked to.</summary>
    /// <exception cref="AppHostException">There is none.</exception>
    public static async Task<Backends> AddContainersStackAsync(
        this IDistributedApplicationBuilder builder, Ports ports, CancellationToken cancellationToken)
    {
        var engine = await ContainerEngine.FindAsync(cancellationToken);
        builder.Configuration["DcpPublisher:ContainerRuntime"] = engine.Command;
        // The next start must find the containers' names free; processes have ended by then anyway (OrderedStop).
        builder.Configuration["DcpPublisher:WaitForResourceCleanup"] = "true";
        if (builder.Configuration.GetValue<bool>("reset"))
            await engine.RemoveVolumesAsync(["postgres", "redpanda", "clickhouse"], cancellationToken);
        return builder.AddContainers(ports);
    }

    /// <summary>The same containers as a description to deploy, which needs no engine.</summary>
    public static Backends AddDeployment(this IDistributedApplicationBuilder builder, Ports ports)
    {
        builder.AddDeploymentTarget(ports);
        return builder.AddContainers(Ports.OfServers);
    }

    internal static Backends AddContainers(this IDistributedApplicationBuilder builder, Ports ports)
    {
        var cdcPassword = builder.AddPassword("cdc-password", "cdc");
        var postgres = builder.AddPostgres(ports);
        var tcp = postgres.Resource.PrimaryEndpoint;
        var shop = postgres.AddDatabase("shop");
        var shopForCdc = ReferenceExpression.Create(
            $"Host={tcp.Property(EndpointProperty.Host)};Port={tcp.Property(EndpointProperty.Port)};" +
            $"Username=cdc;Password={cdcPassword};Database=shop");
        var (clickHouse, star) = builder.AddClickHouse(ports);
        var redpanda = builder.AddRedpanda("redpanda", ports.Kafka)
            .WithContainerName(Named("redpanda"))
            .WithDataVolume(Named("redpanda"))
            .WithConsole(console => console.WithContainerName(Named("redpanda-console")));
        var connector = new Connector(builder, ports, postgres, shop, shopForCdc, cdcPassword, redpanda);

        return new(postgres, clickHouse, shop, shopForCdc, star, cdcPassword, ports.ProcessorBehindKafka, (processor, initDb) =>
        {
            var feeding = connector.Add(initDb);
            processor
                .WithArgs("--source", "kafka")
                .WithReplicas(connector.Processors)
                .WithReference(redpanda, "kafka")
                // For the comparison with PostgreSQL, and for nothing else.
                .WithEnvironment("ConnectionStrings__shop", shopForCdc)
                // Not until it is healthy: a connector that is paused is not, and the processor waits for the topic by itself.
                .WaitForStart(feeding);
            return feeding as IResourceBuilder<ProjectResource>;
        });
    }
}
