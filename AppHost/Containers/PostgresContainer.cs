namespace AspireCdc.AppHost.Containers;

internal static class PostgresContainer
{
    public static IResourceBuilder<PostgresServerResource> AddPostgres(this IDistributedApplicationBuilder builder, Ports ports) => builder
        .AddPostgres("postgres", password: builder.AddPassword("postgres-password", "postgres"), port: ports.Postgres)
        .WithImageTag(Images.PostgresTag)
        .WithContainerName(ContainersStack.Named("postgres"))
        .WithDataVolume(ContainersStack.Named("postgres"))
        .WithArgs("-c", "wal_level=logical")
        .WithUrlForEndpoint("tcp", url => url.DisplayText = builder.Login("postgres-password", "shop", "postgres", "postgres"))
        .WithPgAdmin(pgAdmin => pgAdmin.WithContainerName(ContainersStack.Named("pgadmin")).WithExplicitStart());
}
