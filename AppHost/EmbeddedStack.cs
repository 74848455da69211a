using AspireCdc.AppHost.Embedded;
using AspireCdc.AppHost.Running;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;

namespace AspireCdc.AppHost;

/// <summary>The servers behind the graph, and how its projects reach them.</summary>
/// <param name="Postgres">The source.</param>
/// <param name="ClickHouse">The destination.</param>
/// <param name="Shop">The shop's database, as its owner.</param>
/// <param name="ShopForCdc">The shop's connection string for the role that reads its changes.</param>
/// <param name="Star">ClickHouse's database.</param>
/// <param name="CdcPassword">The password of the role that reads changes.</param>
/// <param name="ProcessorPort">Where the processor answers; null for any port that is free.</param>
/// <param name="Feed">
/// Connects the processor with its source, which is ready when init-db, the second of the two, has run; returns our connector where there
/// is one between them.
/// </param>
internal sealed record Backends(
    IResourceBuilder<IResource> Postgres,
    IResourceBuilder<IResource> ClickHouse,
    IResourceBuilder<IResourceWithConnectionString> Shop,
    ReferenceExpression ShopForCdc,
    IResourceBuilder<IResourceWithConnectionString> Star,
    IResourceBuilder<ParameterResource> CdcPassword,
    int? ProcessorPort,
    Func<IResourceBuilder<ProjectResource>, IResourceBuilder<ProjectResource>, IResourceBuilder<ProjectResource>?> Feed);

/// <summary>PostgreSQL and ClickHouse as processes of this machine, from the embedded binaries.</summary>
internal static class EmbeddedStack
{
    public static async Task<Backends> AddEmbeddedStackAsync(this IDistributedApplicationBuilder builder, StackState state, Ports ports)
    {
        var binaries = await EmbeddedBinaries.EnsureAsync(builder.AppHostDirectory, Console.WriteLine, CancellationToken.None);
        PostgresCluster.EnsureReadable(binaries, state.Postgres);
        var cdcPassword = builder.AddPassword("cdc-password", "cdc");

        var postgresPassword = builder.AddPassword("postgres-password", "postgres");
        var login = builder.IsOwn("postgres-password", "postgres") ? "postgres" : "postgres:postgres";
        var text = builder.Login("postgres-password", "shop", "postgres", "postgres");
        var postgres = builder.AddExecutable(
            "postgres", "dotnet", builder.AppHostDirectory, typeof(EmbeddedStack).Assembly.Location, PostgresCommand.Verb)
            // Without a proxy, which the whole write-ahead log would have to pass through.
            .WithEndpoint(port: ports.Postgres, scheme: "tcp", name: "tcp", isProxied: false)
            .WithIconName("Database")
            .WithUrlForEndpoint("tcp", url =>
                (url.Url, url.DisplayText) = ($"{url.Url.Replace("tcp://", $"postgresql://{login}@")}/shop", text))
            .WithEnvironment(PostgresCommand.PasswordVariable, postgresPassword);
        var tcp = postgres.GetEndpoint("tcp");
        postgres.WithArgs("--data", state.Postgres, "--port", tcp.Property(EndpointProperty.TargetPort));
        var shopAsOwner = ReferenceExpression.Create(
            $"Host=localhost;Port={tcp.Property(EndpointProperty.Port)};Username=postgres;Password={postgresPassword};Database=shop");
        postgres.WithPatientCheck("postgres_check", cancellationToken => IsThereAsync(shopAsOwner, cancellationToken));
        var shop = builder.AddDatabase("shop", postgres.Resource, shopAsOwner);
        var shopForCdc = ReferenceExpression.Create(
            $"Host=localhost;Port={tcp.Property(EndpointProperty.Port)};Username=cdc;Password={cdcPassword};Database=shop");

        var clickHousePassword = builder.AddPassword("clickhouse-password", "pandapass");
        var clickHouse = builder.AddProject<Projects.EmbeddedClickHouse>("clickhouse")
            .WithIconName("DatabaseLightning")
            .WithHttpEndpoint(port: ports.ClickHouse, isProxied: false)
            .WithReadinessCheck("/health")
            .WithUrlForEndpoint("http", url => url.DisplayText = builder.Login("clickhouse-password", "local", "panda", "pandapass"))
            .WithUrlForEndpoint("http", _ => new() { Url = "/play?database=local", DisplayText = "SQL page" })
            .WithEnvironment("EmbeddedClickHouse__Library", binaries.ChDbLibrary)
            .WithEnvironment("EmbeddedClickHouse__Data", state.ClickHouse)
            .WithEnvironment("EmbeddedClickHouse__Username", "panda")
            .WithEnvironment("EmbeddedClickHouse__Password", clickHousePassword)
            .WithEnvironment("EmbeddedClickHouse__Database", "local");
        var star = builder.AddDatabase("star", clickHouse.Resource, ReferenceExpression.Create(
            $"Host=localhost;Port={clickHouse.GetEndpoint("http").Property(EndpointProperty.Port)};" +
            $"Username=panda;Password={clickHousePassword};Database=local"));

        return new(postgres, clickHouse, shop, shopForCdc, star, cdcPassword, ports.Processor, (processor, initDb) =>
        {
            processor
                .WithEnvironment("ConnectionStrings__shop", shopForCdc)
                .WithReferenceRelationship(shop)
                .WithEndpoint("http", http => http.IsProxied = false)
                .WaitForCompletion(initDb);
            return null;
        });
    }

    /// <summary>Healthy once the database is there, which the server does not have from its first moment on.</summary>
    private static async Task<HealthCheckResult> IsThereAsync(ReferenceExpression database, CancellationToken cancellationToken)
    {
        // By way of the database that every server has: asking for one that is missing would fill the server's log.
        var shop = new NpgsqlConnectionStringBuilder(await database.GetValueAsync(cancellationToken));
        var maintenance = new NpgsqlConnectionStringBuilder(shop.ConnectionString) { Database = "postgres", Pooling = false, Timeout = 5 };
        try
        {
            await using var connection = new NpgsqlConnection(maintenance.ConnectionString);
            await connection.OpenAsync(cancellationToken);
            await using var exists = new NpgsqlCommand(
                "SELECT 1 FROM pg_database WHERE datname = $1", connection)
            { Parameters = { new() { Value = shop.Database } } };
            return await exists.ExecuteScalarAsync(cancellationToken) is null
                ? HealthCheckResult.Unhealthy($"The database {shop.Database} is not there yet.")
                : HealthCheckResult.Healthy();
        }
        catch (NpgsqlException exception)
        {
            return HealthCheckResult.Unhealthy(exception.Message);
        }
    }
}
