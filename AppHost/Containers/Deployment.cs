using Aspire.Hosting.Docker.Resources;
using Aspire.Hosting.Docker.Resources.ServiceNodes;

namespace AspireCdc.AppHost.Containers;

/// <summary>The graph as a description to deploy: a compose file, or a Helm chart for Kubernetes.</summary>
internal static class Deployment
{
    /// <summary>Adds the environment that <c>--target</c> names.</summary>
    public static void AddTarget(this IDistributedApplicationBuilder builder, Ports ports)
    {
        switch (builder.Configuration["target"] ?? "compose")
        {
            case "compose":
                builder.AddDockerComposeEnvironment("compose").ConfigureComposeFile(file => Complete(file, ports));
                break;
            case "kubernetes":
                builder.AddKubernetesEnvironment("kubernetes");
                break;
            case var other:
                throw new AppHostException($"There is no deployment target '{other}'. Choose --target compose or --target kubernetes.");
        }
    }

    /// <summary>What Aspire does not write by itself: when a server is ready, what starts again, and the port for the world.</summary>
    private static void Complete(ComposeFile file, Ports ports)
    {
        Check("postgres", "pg_isready --username postgres");
        Check("clickhouse", "wget --quiet --spider http://localhost:8123/ping");
        Check("redpanda", "rpk cluster health --exit-when-healthy");
        foreach (var (name, service) in file.Services)
        {
            foreach (var (dependency, wait) in service.DependsOn)
            {
                if (wait.Condition == "service_started" && file.Services[dependency].Healthcheck is not null)
                    wait.Condition = "service_healthy";
            }

            if (name is not ("init-db" or "clickhouse-migrator"))
                service.Restart ??= "unless-stopped";
        }

        file.Services["api"].Ports = [$"{ports.Api}:${{API_PORT}}"];

        void Check(string service, string command) => file.Services[service].Healthcheck = new Healthcheck
        {
            Test = ["CMD-SHELL", command],
            Interval = "5s",
            Timeout = "5s",
            Retries = 12,
            StartPeriod = "10s",
        };
    }
}
