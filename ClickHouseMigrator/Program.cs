using System.Net.Sockets;
using AspireCdc.ClickHouseMigrator;
using AspireCdc.ClickHouseMigrator.Commands;
using AspireCdc.ClickHouseMigrator.Definitions;
using AspireCdc.ClickHouseMigrator.Discovery;
using AspireCdc.ServiceDefaults;
using AspireCdc.Star.Model;
using ClickHouse.Driver.ADO;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

if (!CommandLine.TryParse(args, out var command, out var complaint))
{
    Console.Error.WriteLine($"{complaint}{Environment.NewLine}{CommandLine.Usage}");
    return 2;
}
try
{
    switch (command.Verb)
    {
        case Verb.Help:
            Console.WriteLine(CommandLine.Usage);
            return 0;
        case Verb.Add:
            AddCommand.Create(command.Folder, Console.Out).Add(command.Argument!);
            return 0;
        case Verb.Check:
            return AddCommand.Create(command.Folder, Console.Out).Check() ? 0 : 1;
        case Verb.Discover:
            await new DiscoverCommand(
                new ModelFolder(Path.GetFullPath(command.Options.GetValueOrDefault("--output", "star"))), Console.Out).RunAsync(
                command.Argument!, command.Options.GetValueOrDefault("--schema"), command.Options.GetValueOrDefault("--publication"),
                command.AllOf("--append-only"), command.AllOf("--dropped"), CancellationToken.None);
            return 0;
        default:
            return await MigrateAsync(command.Verb == Verb.Status);
    }
}
catch (Exception e) when (e is MigrationException or DefinitionException or StarModelException or FormatException or IOException
    or UnauthorizedAccessException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
catch (Exception e) when (e is NpgsqlException or ArgumentException { Source: "Npgsql" })
{
    Console.Error.WriteLine(
        $"PostgreSQL cannot be read: {e.Message}. Start it, or correct the connection string (Host=…;Username=…;Password=…;Database=…).");
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

async Task<int> MigrateAsync(bool status)
{
    var builder = Host.CreateApplicationBuilder([.. args.Where(arg => arg.Contains('='))]);
    builder.AddServiceDefaults();
    using var host = builder.Build();
    await host.StartAsync();
    try
    {
        var connectionString = builder.Configuration.GetConnectionString("clickhouse")
            ?? throw new MigrationException(
                "ConnectionStrings:clickhouse is not set. Set " +
                "ConnectionStrings__clickhouse=Host=localhost;Port=18123;Username=panda;Password=pandapass;Database=local");
        var server = ClickHouseEndpoint.Parse(connectionString);
        using var http = server.HasCertificates ? new HttpClient(server.CreateHandler()) : null;
        var target = new ClickHouseConnectionStringBuilder(server.ToConnectionString());
        var cluster = builder.Configuration["ClickHouse:Cluster"];
        var migrator = new Migrator(target, cluster, host.Services.GetRequiredService<ILogger<Migrator>>(), http);
        var file = builder.Configuration["Cdc:Model"];
        var migrations = Migration.ReadFor(file);
        var model = Migration.ModelOf(file) is var path && File.Exists(path) ? StarFile.Read(path) : StarModel.Empty;
        var stopping = host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        if (!status)
        {
            await migrator.ApplyAsync(migrations, stopping);
            await new TableSettings(target, cluster, host.Services.GetRequiredService<ILogger<TableSettings>>(), http).ApplyAsync(
                model, stopping);
            return 0;
        }

        var statuses = await migrator.StatusAsync(migrations, stopping);
        foreach (var line in statuses)
            Console.WriteLine($"{line.State,-8} {line.AppliedAt?.ToString("u"),-21} {line.Name}");
        return statuses.All(line => line.State == MigrationState.Applied) ? 0 : 1;
    }
    finally
    {
        await host.StopAsync();
    }
}
