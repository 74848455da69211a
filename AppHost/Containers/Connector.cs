using System.Globalization;
using AspireCdc.AppHost.Running;

namespace AspireCdc.AppHost.Containers;

/// <summary>What brings PostgreSQL's changes into the topic: Redpanda Connect where there is a licence for
/// it, else our own connector.</summary>
internal sealed class Connector(
    IDistributedApplicationBuilder builder, Ports ports, IResourceBuilder<PostgresServerResource> postgres,
    IResourceBuilder<IResource> shop, ReferenceExpression shopForCdc, IResourceBuilder<ParameterResource> cdcPassword,
    IResourceBuilder<RedpandaResource> redpanda)
{
    private const string LicenceVariable = "REDPANDA_LICENSE";
    private const string Publication = "pglog_stream_redpanda_cdc_slot";
    private const int ConnectHttp = 4195;

    /// <summary>How many processors share the topic's partitions.</summary>
    public int Processors => builder.Configuration["processors"] is not { } text ? 1
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
        && count is >= 1 and <= ChangesTopic.Partitions ? count
        : throw new AppHostException(
            $"--processors is '{text}'; it takes 1 to {ChangesTopic.Partitions}, the number of the topic's partitions.");

    public IResourceBuilder<IResourceWithWaitSupport> Add(IResourceBuilder<ProjectResource> initDb)
    {
        var licence = builder.Configuration[LicenceVariable];
        var (kind, because) = builder.Configuration["connector"] is { } option ? (option, $"--connector {option}")
            : string.IsNullOrWhiteSpace(licence) ? ("builtin", $"{LicenceVariable} is not set")
            : ("redpanda-connect", $"{LicenceVariable} is set");
        switch (kind)
        {
            case "builtin":
                Console.WriteLine($"Connector: our own ({because}).");
                return AddBuiltIn(initDb, because);
            case "redpanda-connect" when string.IsNullOrWhiteSpace(licence) && builder.ExecutionContext.IsRunMode:
                throw new AppHostException(
                    $"Redpanda Connect's postgres_cdc needs a Redpanda Enterprise licence: set {LicenceVariable}, " +
                    "or use --connector builtin.");
            case "redpanda-connect":
                Console.WriteLine($"Connector: Redpanda Connect ({because}). What it cannot do: redpanda-connect/README.md.");
                return AddRedpandaConnect(initDb);
            default:
                throw new AppHostException($"There is no connector '{kind}'. Choose --connector redpanda-connect or --connector builtin.");
        }
    }

    private IResourceBuilder<ProjectResource> AddBuiltIn(IResourceBuilder<ProjectResource> initDb, string because) => builder
        .AddProject<Projects.CdcProcessor>("connector")
        .WithIconName("PlugConnected")
        .WithArgs("--source", "postgresql", "--sink", "kafka")
        .WithHttpEndpoint(port: ports.Processor, isProxied: false)
        .WithReadinessCheck("/ready")
        .WithUrlForEndpoint("http", url => (url.Url, url.DisplayText) = ("/ready", $"built-in connector ({because})"))
        .WithEnvironment("ConnectionStrings__shop", shopForCdc)
        .WithOperationsToken(builder.AddOperationsToken())
        .WithReferenceRelationship(shop)
        .WithReference(redpanda, "kafka")
        .WaitFor(redpanda)
        .WaitForCompletion(initDb);

    private IResourceBuilder<ContainerResource> AddRedpandaConnect(IResourceBuilder<ProjectResource> initDb)
    {
        // It reads this publication and no other, and with it made beforehand the role needs no more rights than ours.
        initDb.WithEnvironment("Cdc__Publication", Publication);
        builder.Configuration["Cdc:Publication"] = Publication; // what the doctor looks for
        redpanda.OnResourceReady(async (server, _, cancellationToken) =>
            await ChangesTopic.CreateAsync(await server.ConnectionStringExpression.GetValueAsync(cancellationToken), cancellationToken));

        var tcp = postgres.Resource.PrimaryEndpoint;
        return builder.AddContainer("connector", Images.RedpandaConnect, Images.RedpandaConnectTag)
            .WithImageRegistry(Images.RedpandaRegistry)
            .WithIconName("PlugConnected")
            .WithContainerName(ContainersStack.Named("connector"))
            .WithFile("../redpanda-connect/connect.yaml", "/etc/redpanda-connect", "connect.yaml")
            .WithArgs("run", "/etc/redpanda-connect/connect.yaml")
            .WithEnvironment("TZ", "UTC")
            .WithEnvironment(
                LicenceVariable, builder.AddParameter("redpanda-license", () => builder.Configuration[LicenceVariable] ?? "", secret: true))
            .WithEnvironment("POSTGRES_DSN", ReferenceExpression.Create(
                $"postgres://cdc:{cdcPassword.Resource:uri}@{tcp.Property(EndpointProperty.HostAndPort)}" +
                $"/shop?sslmode=disable&timezone=UTC"))
            .WithEnvironment(
                "KAFKA_BROKERS", ReferenceExpression.Create($"{redpanda.Resource.InternalEndpoint.Property(EndpointProperty.HostAndPort)}"))
            .WithEnvironment("CDC_TOPIC", ChangesTopic.Name)
            .WithEnvironment("CDC_MAX_MESSAGE", "16MiB") // as the topic's
            .WithHttpEndpoint(port: ports.Processor, targetPort: ConnectHttp)
            .WithHttpHealthCheck("/ready")
            .WithUrlForEndpoint("http", url => (url.Url, url.DisplayText) = ("/metrics", "Redpanda Connect's metrics"))
            .WaitFor(redpanda)
            .WaitForCompletion(initDb);
    }
}
