using System.Text.RegularExpressions;
using Aspire.Hosting.Docker.Resources;
using Aspire.Hosting.Docker.Resources.ComposeNodes;
using Aspire.Hosting.Docker.Resources.ServiceNodes;

namespace AspireCdc.AppHost.Deployment;

/// <summary>What Aspire does not write into a compose file by itself: when a server is ready, what starts again,
/// what a value is by default.</summary>
internal static partial class ComposeDeployment
{
    /// <summary>The images of the projects, under the names that <c>-t:PublishContainer</c> gives them.</summary>
    private static readonly Dictionary<string, string> ProjectImages = new()
    {
        ["init-db"] = "api",
        ["api"] = "api",
        ["clickhouse-migrator"] = "clickhousemigrator",
        ["cdc-processor"] = "cdcprocessor",
        ["connector"] = "cdcprocessor",
    };

    public static void AddCompose(this IDistributedApplicationBuilder builder, Ports ports) =>
        builder.AddDockerComposeEnvironment("compose").ConfigureComposeFile(file => Complete(file, ports, builder.Resources));

    private static void Complete(ComposeFile file, Ports ports, IEnumerable<IResource> resources)
    {
        Check("postgres", "pg_isready --username postgres");
        Check("clickhouse", "wget --quiet --spider http://localhost:8123/ping");
        Check("redpanda", "rpk cluster health --exit-when-healthy");
        file.Services["cdc-processor"].Deploy =
            new() { Replicas = resources.Single(resource => resource.Name == "cdc-processor").GetReplicaCount() };
        file.Services["api"].Ports = [$"{ports.Api}:${{API_PORT}}"];
        foreach (var (name, service) in file.Services)
        {
            foreach (var (dependency, wait) in service.DependsOn)
            {
                if (wait.Condition == "service_started" && file.Services[dependency].Healthcheck is not null)
                    wait.Condition = "service_healthy";
            }

            service.Restart ??= Publishing.Migrations.Contains(name) ? "on-failure" : "unless-stopped";
            Default(name, service);
        }

        void Check(string service, string command) => file.Services[service].Healthcheck = new Healthcheck
        {
            Test = ["CMD-SHELL", command],
            Interval = "5s",
            Timeout = "5s",
            Retries = 12,
            StartPeriod = "10s",
        };
    }

    /// <summary>Images and ports have defaults, so that the .env file needs secrets only, and says which one is missing.</summary>
    private static void Default(string name, Service service)
    {
        if (ProjectImages.TryGetValue(name, out var image))
            service.Image = service.Image?.Replace("_IMAGE}", $"_IMAGE:-{image}}}", StringComparison.Ordinal);
        service.Ports = [.. service.Ports.Select(WithDefaults)];
        service.Expose = [.. service.Expose.Select(WithDefaults)];
        foreach (var (variable, value) in service.Environment.ToList())
            service.Environment[variable] = WithDefaults(value);
    }

    private static string WithDefaults(string value) =>
        Secret.Replace(value.Replace("_PORT}", "_PORT:-8080}", StringComparison.Ordinal), "${$1:?}");

    [GeneratedRegex(@"\$\{(\w+_(?:PASSWORD|LICENSE|TOKEN))\}")]
    private static partial Regex Secret { get; }
}
