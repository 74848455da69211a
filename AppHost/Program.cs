using AspireCdc.AppHost;
using AspireCdc.AppHost.Commands;
using AspireCdc.AppHost.Running;
using AspireCdc.ServiceDefaults;

Loopback.KeepFromProxies();
try
{
    // What is no start of the stack: --help, sql, postgres.
    if (await CommandLine.RunAsync(args) is { } exitCode)
        return exitCode;

    var builder = DistributedApplication.CreateBuilder(CommandLine.ToConfiguration(args));
    var ports = new Ports(builder.Configuration);
    var backends = await builder.AddBackendsAsync(ports);
    backends.Postgres.WithPostgresSql(backends.Shop);
    backends.ClickHouse.WithClickHouseSql(backends.Star);

    // Without its launch profile, whose port would be init-db's too and go before --Ports:Api.
    var initDb = builder.AddProject<Projects.Api>("init-db", launchProfileName: null)
        .WithIconName("DatabaseArrowUp")
        .WithArgs("init-db")
        .WithReference(backends.Shop, "shop")
        .WithEnvironment("Cdc__Password", backends.CdcPassword)
        .WaitFor(backends.Postgres)
        .WithParentRelationship(backends.Postgres)
        .WithHiddenOnCompletion();

    var migrator = builder.AddProject<Projects.ClickHouseMigrator>("clickhouse-migrator")
        .WithIconName("DatabaseArrowUp")
        .WithReference(backends.Star, "clickhouse")
        .WaitFor(backends.ClickHouse)
        .WithParentRelationship(backends.ClickHouse)
        .WithHiddenOnCompletion();

    var operationsToken = builder.AddOperationsToken();
    var processor = builder.AddProject<Projects.CdcProcessor>("cdc-processor")
        .WithIconName("ArrowSync")
        .WithHttpEndpoint(port: backends.ProcessorPort)
        .WithReadinessCheck("/ready")
        .WithUrlForEndpoint("http", url => (url.Url, url.DisplayText) = ("/ready", "readiness"))
        .WithReference(backends.Star, "clickhouse")
        .WaitForCompletion(migrator)
        .WithOperationsToken(operationsToken)
        .WithProcessorCommands(operationsToken);
    var connector = backends.Feed(processor, initDb);

    var api = builder.AddProject<Projects.Api>("api", launchProfileName: null)
        .WithIconName("Globe")
        .WithHttpEndpoint(port: ports.Api, isProxied: false)
        .WithReadinessCheck("/health")
        .WithUrlForEndpoint("http", url => url.DisplayText = "live page")
        .WithUrlForEndpoint("http", _ => new() { Url = "/scalar", DisplayText = "API reference" })
        .WithReference(backends.Shop, "shop")
        .WithReference(backends.Star, "clickhouse")
        .WithReference(processor.GetEndpoint("http"))
        .WithOperationsToken(operationsToken)
        .WithDashboardAddress()
        .WaitForCompletion(initDb)
        .WithApiCommands(initDb);
    if (connector is not null)
        api.WithReference(connector.GetEndpoint("http"));

    await using var app = builder.Build();
    return await new StartReport(app).RunAsync();
}
catch (AppHostException problem)
{
    await Console.Error.WriteLineAsync(problem.Message);
    return 1;
}
