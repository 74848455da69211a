using System.Net.Sockets;
using AspireCdc.ClickHouseMigrator;
using AspireCdc.ServiceDefaults;
using ClickHouse.Driver.ADO;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

const string Usage = """
    ClickHouseMigrator            applies the .sql files of its folder Migrations that the database does not have yet
    ClickHouseMigrator --status   shows how each file stands

    ConnectionStrings__clickhouse   Host=…;Port=…;Username=…;Password=…;Database=…
    ClickHouse__Cluster             name of a cluster: statements run ON CLUSTER, with replicated engines
    """;

var status = args.Contains("--status");
if (args.FirstOrDefault(arg => arg.Trim('-') is "help" or "h" or "?") is not null)
{
    Console.WriteLine(Usage);
    return 0;
}
if (args.FirstOrDefault(arg => arg is not "--status" && !arg.Contains('=')) is { } unknown)
{
    Console.Error.WriteLine($"ClickHouseMigrator does not know '{unknown}'.{Environment.NewLine}{Usage}");
    return 2;
}

var builder = Host.CreateApplicationBuilder([.. args.Where(arg => arg.Contains('='))]);
builder.AddServiceDefaults();
using var host = builder.Build();
await host.StartAsync();
try
{
    var connectionString = builder.Configuration.GetConnectionString("clickhouse")
        ?? throw new MigrationException("ConnectionStrings:clickhouse is not set. Set ConnectionStrings__clickhouse=Host=localhost;Port=18123;Username=panda;Password=pandapass;Database=local");
    var server = ClickHouseEndpoint.Parse(connectionString);
    using var http = server.HasCertificates ? new HttpClient(server.CreateHandler()) : null;
    var migrator = new Migrator(
        new ClickHouseConnectionStringBuilder(server.ToConnectionString()), builder.Configuration["ClickHouse:Cluster"],
        host.Services.GetRequiredService<ILogger<Migrator>>(), http);
    var migrations = Migration.ReadAll(Path.Combine(AppContext.BaseDirectory, "Migrations"));
    var stopping = host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;

    if (!status)
    {
        await migrator.ApplyAsync(migrations, stopping);
        return 0;
    }
    var statuses = await migrator.StatusAsync(migrations, stopping);
    foreach (var line in statuses)
        Console.WriteLine($"{line.State,-8} {line.AppliedAt?.ToString("u"),-21} {line.Name}");
    return statuses.All(line => line.State == MigrationState.Applied) ? 0 : 1;
}
catch (Exception e) when (e is MigrationException or FormatException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
catch (HttpRequestException e) when (e.InnerException is SocketException)
{
    Console.Error.WriteLine($"ClickHouse does not answer: {e.Message}. Start it, or correct ConnectionStrings__clickhouse.");
    return 1;
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("Stopped; the next start goes on.");
    return 1;
}
finally
{
    await host.StopAsync();
}
