using System.Text.RegularExpressions;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace AspireCdc.Tests.AppHost.Deployment;

/// <summary>What is written to be deployed, parsed.</summary>
public sealed partial class DeploymentTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task Compose_starts_each_service_when_what_it_needs_is_ready_and_asks_for_passwords_only()
    {
        await PublishAsync("compose", "--processors", "3");

        var services = Parse("docker-compose.yaml")["services"];
        foreach (var server in (string[])["postgres", "clickhouse", "redpanda"])
            services[server]["healthcheck"]["test"][0].Should().Be((YamlNode)"CMD-SHELL");
        Waits("init-db").Should().Equal("postgres service_healthy");
        Waits("clickhouse-migrator").Should().Equal("clickhouse service_healthy");
        Waits("connector").Should().Equal("redpanda service_healthy", "init-db service_completed_successfully");
        Waits("cdc-processor").Should().Equal("clickhouse-migrator service_completed_successfully", "connector service_started");
        Waits("api").Should().Equal("init-db service_completed_successfully");
        Text(services["init-db"]["restart"]).Should().Be("on-failure");
        Text(services["api"]["restart"]).Should().Be("unless-stopped");
        Text(services["api"]["ports"][0]).Should().Be("3002:${API_PORT:-8080}");
        Text(services["api"]["image"]).Should().Be("${API_IMAGE:-api}");
        Text(services["connector"]["image"]).Should().Be("${CONNECTOR_IMAGE:-cdcprocessor}");
        Text(services["postgres"]["environment"]["POSTGRES_PASSWORD"]).Should().Be("${POSTGRES_PASSWORD:?}");
        Text(services["cdc-processor"]["deploy"]["replicas"]).Should().Be("3");
        foreach (var processor in (string[])["cdc-processor", "connector"])
            Text(services[processor]["environment"]["Operations__Token"]).Should().Be("${OPERATIONS_TOKEN:?}");

        IEnumerable<string> Waits(string service) =>
            ((YamlMappingNode)services[service]["depends_on"]).Select(wait => $"{wait.Key} {wait.Value["condition"]}");
    }

    [Theory(Timeout = SharedStack.Deadline)]
    [InlineData("init-db")]
    [InlineData("clickhouse-migrator")]
    public async Task In_Kubernetes_a_migration_is_a_job_that_starts_again_until_it_has_ended_well(string migration)
    {
        await PublishAsync("kubernetes");

        var job = Parse($"templates/{migration}/job-{{{{ .Release.Revision }}}}.yaml");
        Text(job["kind"]).Should().Be("Job");
        Text(job["apiVersion"]).Should().Be("batch/v1");
        Text(job["spec"]["template"]["spec"]["restartPolicy"]).Should().Be("OnFailure");
        File.Exists(Path.Combine(_folder.Path, "templates", migration, "deployment.yaml")).Should().BeFalse();
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task In_Kubernetes_pods_are_probed_and_databases_keep_their_files()
    {
        await PublishAsync("kubernetes", "--processors", "3");

        foreach (var project in (string[])["api", "cdc-processor", "connector"])
        {
            var container = Container(project, "deployment");
            Text(container["readinessProbe"]["httpGet"]["path"]).Should().Be("/ready");
            Text(container["livenessProbe"]["httpGet"]["path"]).Should().Be("/alive");
        }

        foreach (var processor in (string[])["cdc-processor", "connector"])
            ((YamlMappingNode)Parse($"templates/{processor}/secrets.yaml")["stringData"]).Children.Keys.Select(Text).Should()
                .Contain("Operations__Token");
        Text(Parse("templates/cdc-processor/deployment.yaml")["spec"]["replicas"]).Should().Be("3");
        Text(Parse("templates/connector/deployment.yaml")["spec"]["strategy"]["type"]).Should()
            .Be("Recreate", "a replication slot has one reader");
        Text(Parse("templates/clickhouse/deployment.yaml")["spec"]["strategy"]["type"]).Should().Be("Recreate", "its files have one owner");
        Text(Container("clickhouse", "deployment")["readinessProbe"]["httpGet"]["path"]).Should().Be("/ping");
        Text(Container("postgres", "statefulset")["readinessProbe"]["exec"]["command"][0]).Should().Be("pg_isready");
        Text(Container("redpanda", "statefulset")["readinessProbe"]["httpGet"]["port"]).Should().Be("admin");
        foreach (var server in (string[])["postgres", "clickhouse", "redpanda"])
            Text(Parse($"templates/{server}/aspirecdc-{server}-pvc.yaml")["kind"]).Should().Be("PersistentVolumeClaim");
        Text(Parse("templates/postgres/service.yaml")["spec"]["ports"][0]["port"]).Should().Be("5432");
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task In_Kubernetes_Redpanda_Connect_has_its_configuration_mounted_and_its_licence_in_a_secret()
    {
        await PublishAsync("kubernetes", "--connector", "redpanda-connect");

        Text(Parse("templates/connector/file.yaml")["data"]["connect.yaml"]).Should()
            .Be(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "redpanda-connect", "connect.yaml"), Cancel));
        var connector = Container("connector", "deployment");
        Text(connector["volumeMounts"][0]["mountPath"]).Should().Be("/etc/redpanda-connect/connect.yaml");
        Text(connector["readinessProbe"]["httpGet"]["path"]).Should().Be("/ready");
        ((YamlMappingNode)Parse("templates/connector/secrets.yaml")["stringData"]).Children.Keys.Select(Text).Should()
            .BeEquivalentTo("REDPANDA_LICENSE", "POSTGRES_DSN");
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task An_unknown_target_and_a_folder_that_cannot_be_written_are_told_with_an_exit_code()
    {
        var (exitCode, output) = await RunAsync("nomad", _folder.Path);
        exitCode.Should().Be(1);
        output.TrimEnd().Should().Be("There is no deployment target 'nomad'. Choose --target compose or --target kubernetes.");

        (exitCode, output) = await RunAsync("kubernetes", "/proc/nothing");
        exitCode.Should().Be(1);
        output.Should().Contain("/proc/nothing").And.NotContain("   at ");
    }

    private async Task PublishAsync(string target, params string[] options)
    {
        var (exitCode, output) = await RunAsync(target, _folder.Path, options);
        exitCode.Should().Be(0, output);
        output.Should().Contain($"Written to {_folder.Path}.");
    }

    private static Task<(int ExitCode, string Output)> RunAsync(string target, string folder, params string[] options) =>
        AppHostProcess.RunAsync(
            ["--operation", "publish", "--step", "publish", "--output-path", folder, "--target", target, .. options], Cancel);

    private YamlNode Container(string resource, string kind) =>
        Parse($"templates/{resource}/{kind}.yaml")["spec"]["template"]["spec"]["containers"][0];

    /// <summary>Helm's expressions stand where values will.</summary>
    private YamlNode Parse(string file)
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(HelmExpression.Replace(File.ReadAllText(Path.Combine(_folder.Path, file)), "1")));
        return yaml.Documents[0].RootNode;
    }

    private static string Text(YamlNode node) => ((YamlScalarNode)node).Value!;

    [GeneratedRegex(@"\{\{.*?\}\}")]
    private static partial Regex HelmExpression { get; }
}
