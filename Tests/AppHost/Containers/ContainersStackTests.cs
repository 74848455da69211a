using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using AspireCdc.AppHost;
using AspireCdc.AppHost.Containers;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace AspireCdc.Tests.AppHost.Containers;

/// <summary>The containers as they are described to the engine; none is needed for that.</summary>
public sealed class ContainersStackTests
{
    [Fact]
    public void PostgreSQL_18_writes_its_WAL_for_logical_decoding_and_keeps_its_files_where_18_has_them()
    {
        var postgres = Graph().Container("postgres");

        Image(postgres).Should().StartWith("docker.io/library/postgres:18.");
        Arguments(postgres).Should().Equal("-c", "wal_level=logical");
        Mounts(postgres).Should().Equal("aspirecdc-postgres -> /var/lib/postgresql");
        Endpoints(postgres).Should().Equal("tcp 5434 -> 5432");
        Environment(postgres).Should().Contain("POSTGRES_PASSWORD", "{postgres-password.value}");
        HealthChecks(postgres).Should().Equal("postgres_check");
    }

    [Fact]
    public void ClickHouse_gives_its_readers_deduplicated_rows()
    {
        var clickHouse = Graph().Container("clickhouse");

        Image(clickHouse).Should().Be($"clickhouse/clickhouse-server:{Images.ClickHouseTag}");
        Mounts(clickHouse).Should().Equal("aspirecdc-clickhouse -> /var/lib/clickhouse");
        Endpoints(clickHouse).Should().Equal("http 18123 -> 8123");
        Environment(clickHouse).Should().Contain("CLICKHOUSE_USER", "panda").And.Contain(
            "CLICKHOUSE_PASSWORD", "{clickhouse-password.value}").And.Contain("CLICKHOUSE_DB", "local");
        File.ReadAllText(Files(clickHouse)["/etc/clickhouse-server/users.d/aspirecdc.xml"])
            .Should().Contain("<final>1</final>").And.Contain("<apply_prewhere_after_final>1</apply_prewhere_after_final>");
        HealthChecks(clickHouse).Should().ContainSingle().Which.Should().Contain("/ping");
    }

    [Fact]
    public void Redpanda_sends_the_host_to_its_published_port_and_containers_to_its_name()
    {
        var redpanda = Graph().Container("redpanda");

        Image(redpanda).Should().Be($"docker.redpanda.com/redpandadata/redpanda:{Images.RedpandaTag}");
        Arguments(redpanda).Should().Equal(
            "redpanda", "start", "--mode", "dev-container", "--smp", "1", "--memory", "1G",
            "--kafka-addr", "internal://0.0.0.0:9093,external://0.0.0.0:9092",
            "--advertise-kafka-addr", "internal://redpanda:9093,external://localhost:{redpanda.bindings.tcp.port}");
        Mounts(redpanda).Should().Equal("aspirecdc-redpanda -> /var/lib/redpanda/data");
        Endpoints(redpanda).Should().Equal("tcp 19092 -> 9092", "internal any -> 9093", "admin any -> 9644");
        HealthChecks(redpanda).Should().ContainSingle().Which.Should().Contain("/v1/status/ready");
    }

    [Fact]
    public void Without_a_licence_our_own_connector_brings_the_changes_to_the_topic()
    {
        var graph = Graph();
        var connector = graph.Resource("connector").Should().BeOfType<ProjectResource>().Subject;

        Arguments(connector).Should().Equal("--source", "postgresql", "--sink", "kafka");
        Endpoints(connector).Should().Equal("http 4196 -> 4196");
        Waits(connector).Should().BeEquivalentTo("redpanda: WaitUntilHealthy", "init-db: WaitForCompletion");
        Environment(connector).Should()
            .Contain(
                "ConnectionStrings__shop",
                "Host={postgres.bindings.tcp.host};Port={postgres.bindings.tcp.port};" +
                "Username=cdc;Password={cdc-password.value};Database=shop")
            .And.Contain("ConnectionStrings__kafka", "{redpanda.connectionString}");
        Environment(graph.Resource("init-db")).Should().NotContainKey("Cdc__Publication");
    }

    [Fact]
    public void With_a_licence_Redpanda_Connect_starts_when_its_publication_and_its_topic_are_there()
    {
        var graph = Graph("REDPANDA_LICENSE=a-licence");
        var connector = graph.Container("connector");

        Image(connector).Should().Be($"docker.redpanda.com/redpandadata/connect:{Images.RedpandaConnectTag}");
        Arguments(connector).Should().Equal("run", "/etc/redpanda-connect/connect.yaml");
        Files(connector)["/etc/redpanda-connect/connect.yaml"].Should()
            .Be(Path.Combine(Repository.Root, "redpanda-connect", "connect.yaml"));
        Endpoints(connector).Should().Equal("http 4196 -> 4195");
        HealthChecks(connector).Should().ContainSingle().Which.Should().Contain("/ready");
        Environment(connector).Should()
            .Contain("REDPANDA_LICENSE", "{redpanda-license.value}")
            .And.Contain("TZ", "UTC")
            .And.Contain("CDC_TOPIC", "shop_cdc_events")
            .And.Contain("KAFKA_BROKERS", "{redpanda.bindings.internal.host}:{redpanda.bindings.internal.port}");
        Environment(connector)["POSTGRES_DSN"].Should().StartWith("postgres://cdc:").And.EndWith("/shop?sslmode=disable&timezone=UTC");
        graph.Resource("redpanda-license").Should().BeOfType<ParameterResource>().Which.Secret.Should().BeTrue();

        // The publication is init-db's work, the topic is made when Redpanda has become ready: whoever waits for it waits for that.
        Waits(connector).Should().BeEquivalentTo("redpanda: WaitUntilHealthy", "init-db: WaitForCompletion");
        Environment(graph.Resource("init-db")).Should().Contain("Cdc__Publication", "pglog_stream_redpanda_cdc_slot");
    }

    [Theory]
    [InlineData("--connector", "redpanda-connect",
        "Redpanda Connect's postgres_cdc needs a Redpanda Enterprise licence: set REDPANDA_LICENSE, or use --connector builtin.")]
    [InlineData("--connector", "debezium", "There is no connector 'debezium'. Choose --connector redpanda-connect or --connector builtin.")]
    [InlineData("--processors", "7", "--processors is '7'; it takes 1 to 6, the number of the topic's partitions.")]
    public void What_cannot_be_is_refused_with_a_sentence(string option, string value, string sentence)
    {
        var build = () => Graph($"{option}={value}");

        build.Should().Throw<AppHostException>().WithMessage(sentence);
    }

    [Fact]
    public void Processors_share_the_topic_behind_one_address_and_start_after_the_connector_even_if_it_is_paused()
    {
        var processor = Graph("--processors=3").Resource("cdc-processor");

        processor.GetReplicaCount().Should().Be(3);
        Arguments(processor).Should().Equal("--source", "kafka");
        // A paused connector has a warning, which Aspire does not take for healthy.
        Waits(processor).Should().Equal("connector: WaitUntilStarted");
        processor.Annotations.OfType<ResourceRelationshipAnnotation>().Should()
            .Contain(relation => relation.Resource.Name == "connector", "it stops before the connector, too");
    }

    [Fact]
    public void Every_container_has_a_name_of_this_project_and_a_pinned_image()
    {
        foreach (var container in Graph("REDPANDA_LICENSE=a-licence").Model.Resources.OfType<ContainerResource>())
        {
            container.Annotations.OfType<ContainerNameAnnotation>().Single().Name.Should().Be($"aspirecdc-{container.Name}");
            Image(container).Should().MatchRegex(@":v?\d+\.\d+(\.\d+)?$");
        }
    }

    [Theory]
    [InlineData("pgadmin")]
    [InlineData("redpanda-console")]
    public void Tools_stand_by_until_they_are_started(string tool) =>
        Graph().Container(tool).Annotations.OfType<ExplicitStartupAnnotation>().Should().ContainSingle();

    private sealed record Described(DistributedApplicationModel Model)
    {
        public IResource Resource(string name) => Model.Resources.Single(resource => resource.Name == name);

        public ContainerResource Container(string name) => Resource(name).Should().BeAssignableTo<ContainerResource>().Subject;
    }

    /// <summary>The containers, with the projects that stand on either side of the topic.</summary>
    private static Described Graph(params string[] args)
    {
        var builder = DistributedApplication.CreateBuilder(new DistributedApplicationOptions
        {
            Args = args,
            ProjectDirectory = Path.Combine(Repository.Root, "AppHost"),
            DisableDashboard = true,
        });
        var backends = builder.AddContainers(new Ports(builder.Configuration));
        var initDb = builder.AddProject<Projects.Api>("init-db", launchProfileName: null);
        backends.Feed(builder.AddProject<Projects.CdcProcessor>("cdc-processor"), initDb);
        return new(builder.Build().Services.GetRequiredService<DistributedApplicationModel>());
    }

    private static string Image(ContainerResource container) =>
        container.TryGetContainerImageName(out var image) ? image : throw new InvalidOperationException($"{container.Name} has no image.");

    private static IEnumerable<string> Mounts(IResource resource) =>
        resource.Annotations.OfType<ContainerMountAnnotation>().Select(mount => $"{mount.Source} -> {mount.Target}");

    private static IEnumerable<string> Endpoints(IResource resource) => resource.Annotations.OfType<EndpointAnnotation>()
        .Select(endpoint => $"{endpoint.Name} {endpoint.Port?.ToString() ?? "any"} -> {endpoint.TargetPort?.ToString() ?? "any"}");

    private static IEnumerable<string> HealthChecks(IResource resource) =>
        resource.Annotations.OfType<HealthCheckAnnotation>().Select(check => check.Key);

    private static IEnumerable<string> Waits(IResource resource) => resource.Annotations.OfType<WaitAnnotation>()
        .Select(wait => $"{wait.Resource.Name}: {wait.WaitType}").Distinct();

    private static Dictionary<string, string> Files(IResource resource) =>
        resource.Annotations.OfType<ContainerFileSystemCallbackAnnotation>()
        .SelectMany(files => files.Callback(
            new() { Model = resource, Services = new ServiceCollection().BuildServiceProvider() }, CancellationToken.None).Result
            .Select(file => ($"{files.DestinationPath}/{file.Name}", ((ContainerFile)file).SourcePath!)))
        .ToDictionary();

    private static IEnumerable<string> Arguments(IResource resource)
    {
        var args = new List<object>();
        foreach (var annotation in resource.Annotations.OfType<CommandLineArgsCallbackAnnotation>())
            annotation.Callback(new CommandLineArgsCallbackContext(args, resource)).GetAwaiter().GetResult();
        return args.Select(Text);
    }

    private static Dictionary<string, string> Environment(IResource resource)
    {
        var variables = new EnvironmentCallbackContext(new(DistributedApplicationOperation.Run), resource);
        foreach (var annotation in resource.Annotations.OfType<EnvironmentCallbackAnnotation>())
            annotation.Callback(variables).GetAwaiter().GetResult();
        return variables.EnvironmentVariables.ToDictionary(variable => variable.Key, variable => Text(variable.Value));
    }

    /// <summary>What has no value before it runs, as the expression for it.</summary>
    private static string Text(object value) =>
        value is IManifestExpressionProvider expression ? expression.ValueExpression : (string)value;
}
