namespace AspireCdc.AppHost.Containers;

/// <summary>Redpanda: a broker that speaks Kafka's protocol, with an address for this machine and one for other containers.</summary>
/// <param name="name">Its name, also as a host among containers.</param>
internal sealed class RedpandaResource(string name) : ContainerResource(name), IResourceWithConnectionString
{
    internal const string Primary = "tcp", Internal = "internal";

    /// <summary>What clients on this machine use.</summary>
    public EndpointReference PrimaryEndpoint => new(this, Primary);

    /// <summary>What other containers use.</summary>
    public EndpointReference InternalEndpoint => new(this, Internal);

    /// <summary>The bootstrap servers: <c>host:port</c>.</summary>
    public ReferenceExpression ConnectionStringExpression =>
        ReferenceExpression.Create($"{PrimaryEndpoint.Property(EndpointProperty.HostAndPort)}");
}

/// <summary>Adds Redpanda and its console to a graph.</summary>
internal static class RedpandaContainer
{
    private const int ForHost = 9092, ForContainers = 9093, Admin = 9644;

    /// <summary>One broker, ready when it says so itself.</summary>
    /// <param name="builder">The graph.</param>
    /// <param name="name">The resource's name.</param>
    /// <param name="port">Where it answers on this machine; null for any port that is free.</param>
    public static IResourceBuilder<RedpandaResource> AddRedpanda(this IDistributedApplicationBuilder builder, string name, int? port)
    {
        var redpanda = builder.AddResource(new RedpandaResource(name))
            .WithImage(Images.Redpanda, Images.RedpandaTag)
            .WithImageRegistry(Images.RedpandaRegistry)
            .WithIconName("Mailbox")
            .WithEndpoint(port: port, targetPort: ForHost, name: RedpandaResource.Primary)
            .WithEndpoint(targetPort: ForContainers, name: RedpandaResource.Internal)
            .WithHttpEndpoint(targetPort: Admin, name: "admin")
            .WithHttpHealthCheck("/v1/status/ready", endpointName: "admin")
            .WithUrlForEndpoint(RedpandaResource.Primary, url => url.DisplayText = "Kafka protocol");
        return redpanda.WithArgs(context =>
        {
            var (host, containers) = (redpanda.Resource.PrimaryEndpoint, redpanda.Resource.InternalEndpoint);
            foreach (var arg in (string[])["redpanda", "start", "--mode", "dev-container", "--smp", "1", "--memory", "1G"])
                context.Args.Add(arg);
            context.Args.Add("--kafka-addr");
            context.Args.Add($"internal://0.0.0.0:{ForContainers},external://0.0.0.0:{ForHost}");
            context.Args.Add("--advertise-kafka-addr");
            // What a client is sent on to: on this machine the published port, once deployed the service's own.
            context.Args.Add(context.ExecutionContext.IsRunMode
                ? ReferenceExpression.Create(
                    $"internal://{name}:{ForContainers.ToString()},external://localhost:{host.Property(EndpointProperty.Port)}")
                : ReferenceExpression.Create(
                    $"internal://{containers.Property(EndpointProperty.HostAndPort)}," +
                    $"external://{host.Property(EndpointProperty.HostAndPort)}"));
        });
    }

    /// <summary>Keeps the messages in a volume of that name.</summary>
    public static IResourceBuilder<RedpandaResource> WithDataVolume(this IResourceBuilder<RedpandaResource> redpanda, string volume) =>
        redpanda.WithVolume(volume, "/var/lib/redpanda/data");

    /// <summary>A page with topics and messages, to be started in the dashboard.</summary>
    public static IResourceBuilder<RedpandaResource> WithConsole(
        this IResourceBuilder<RedpandaResource> redpanda, Action<IResourceBuilder<ContainerResource>> configure)
    {
        configure(
            redpanda.ApplicationBuilder.AddContainer($"{redpanda.Resource.Name}-console", Images.RedpandaConsole, Images.RedpandaConsoleTag)
            .WithImageRegistry(Images.RedpandaRegistry)
            .WithIconName("WindowConsole")
            .WithEnvironment(
                "KAFKA_BROKERS", ReferenceExpression.Create($"{redpanda.Resource.InternalEndpoint.Property(EndpointProperty.HostAndPort)}"))
            .WithHttpEndpoint(targetPort: 8080)
            .WithUrlForEndpoint("http", url => url.DisplayText = "topics and messages")
            .WithParentRelationship(redpanda)
            .WithExplicitStart()
            .ExcludeFromManifest());
        return redpanda;
    }
}
