namespace AspireCdc.AppHost.Containers;

/// <summary>Redpanda under Aspire's Kafka resource, which brings the listeners, the connection string and a health check that produces a message.</summary>
internal static class RedpandaContainer
{
    private const int ForHost = 9092, ForContainers = 9093, Admin = 9644;

    public static IResourceBuilder<KafkaServerResource> AddRedpanda(this IDistributedApplicationBuilder builder, Ports ports)
    {
        var redpanda = builder.AddKafka("redpanda", port: ports.Kafka)
            .WithImageRegistry(Images.RedpandaRegistry)
            .WithImage(Images.Redpanda, Images.RedpandaTag)
            .WithContainerName(ContainersStack.Named("redpanda"))
            // WithDataVolume would mount Kafka's folder.
            .WithVolume(ContainersStack.Named("redpanda"), "/var/lib/redpanda/data")
            .WithUrlForEndpoint("tcp", url => url.DisplayText = "Kafka protocol")
            .WithHttpEndpoint(targetPort: Admin, name: "admin")
            .WithHttpHealthCheck("/v1/status/ready", endpointName: "admin");
        redpanda.WithArgs(context =>
        {
            var (host, containers) = (redpanda.Resource.PrimaryEndpoint, redpanda.Resource.InternalEndpoint);
            foreach (var arg in (string[])["redpanda", "start", "--mode", "dev-container", "--smp", "1", "--memory", "1G"])
                context.Args.Add(arg);
            context.Args.Add("--kafka-addr");
            context.Args.Add($"internal://0.0.0.0:{ForContainers},external://0.0.0.0:{ForHost}");
            context.Args.Add("--advertise-kafka-addr");
            // What a client is sent on to: on this machine the published port, once deployed the service's own.
            context.Args.Add(context.ExecutionContext.IsRunMode
                ? ReferenceExpression.Create($"internal://{redpanda.Resource.Name}:{ForContainers.ToString()},external://localhost:{host.Property(EndpointProperty.Port)}")
                : ReferenceExpression.Create($"internal://{containers.Property(EndpointProperty.HostAndPort)},external://{host.Property(EndpointProperty.HostAndPort)}"));
        });

        builder.AddContainer("redpanda-console", Images.RedpandaConsole, Images.RedpandaConsoleTag)
            .WithImageRegistry(Images.RedpandaRegistry)
            .WithContainerName(ContainersStack.Named("redpanda-console"))
            .WithEnvironment("KAFKA_BROKERS", ReferenceExpression.Create($"{redpanda.Resource.InternalEndpoint.Property(EndpointProperty.HostAndPort)}"))
            .WithHttpEndpoint(targetPort: 8080)
            .WithUrlForEndpoint("http", url => url.DisplayText = "topics and messages")
            .WithParentRelationship(redpanda)
            .WithExplicitStart()
            .ExcludeFromManifest();
        return redpanda;
    }
}
