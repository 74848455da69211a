namespace AspireCdc.AppHost.Containers;

internal static class ClickHouseContainer
{
    public static (IResourceBuilder<ContainerResource> Server, IResourceBuilder<IResourceWithConnectionString> Star) AddClickHouse(
        this IDistributedApplicationBuilder builder, Ports ports)
    {
        var password = builder.AddPassword("clickhouse-password", "pandapass");
        var server = builder.AddContainer("clickhouse", Images.ClickHouse, Images.ClickHouseTag)
            .WithIconName("DatabaseLightning")
            .WithContainerName(ContainersStack.Named("clickhouse"))
            .WithVolume(ContainersStack.Named("clickhouse"), "/var/lib/clickhouse")
            // Readers get deduplicated rows without thinking of FINAL.
            .WithFile("Containers/clickhouse-users.xml", "/etc/clickhouse-server/users.d", "aspirecdc.xml")
            .WithEnvironment("CLICKHOUSE_USER", "panda")
            .WithEnvironment("CLICKHOUSE_PASSWORD", password)
            .WithEnvironment("CLICKHOUSE_DB", "local")
            .WithContainerRuntimeArgs("--ulimit", "nofile=262144:262144")
            .WithHttpEndpoint(port: ports.ClickHouse, targetPort: 8123)
            .WithHttpHealthCheck("/ping")
            .WithUrlForEndpoint("http", _ => new() { Url = "/play", DisplayText = "SQL in the browser" });
        var http = server.GetEndpoint("http");
        var star = builder.AddDatabase("star", server.Resource, ReferenceExpression.Create(
            $"Host={http.Property(EndpointProperty.Host)};Port={http.Property(EndpointProperty.Port)};" +
            $"Username=panda;Password={password};Database=local"));
        return (server, star);
    }
}
