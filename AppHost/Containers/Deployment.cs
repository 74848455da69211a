namespace AspireCdc.AppHost.Containers;

/// <summary>The graph as a description to deploy: a compose file, or a Helm chart for Kubernetes.</summary>
internal static class Deployment
{
    /// <summary>The projects that run once and end well before what needs them starts.</summary>
    public static readonly string[] Migrations = ["init-db", "clickhouse-migrator"];

    /// <summary>Adds the environment that <c>--target</c> names.</summary>
    public static void AddTarget(this IDistributedApplicationBuilder builder, Ports ports)
    {
        switch (builder.Configuration["target"] ?? "compose")
        {
            case "compose":
                builder.AddCompose(ports);
                break;
            case "kubernetes":
                builder.AddKubernetes();
                break;
            case var other:
                throw new AppHostException($"There is no deployment target '{other}'. Choose --target compose or --target kubernetes.");
        }
    }
}
