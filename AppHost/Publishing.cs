using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AspireCdc.AppHost;

/// <summary>Writes the graph down to be deployed instead of starting it, and says where, or why not.</summary>
internal static partial class Publishing
{
    /// <summary>The projects that run once and end well before what needs them starts.</summary>
    public static readonly string[] Migrations = ["init-db", "clickhouse-migrator"];

    /// <summary>Adds what <c>--target</c> names, and keeps Aspire's own report of the steps brief.</summary>
    /// <exception cref="AppHostException">This AppHost was built without the packages that publishing takes,
    /// or knows no such target.</exception>
    public static void AddDeploymentTarget(this IDistributedApplicationBuilder builder, Ports ports)
    {
        builder.Services.AddLogging(logging => logging
            .SetMinimumLevel(LogLevel.Warning)
            // What fails is told below, in a sentence.
            .AddFilter("Aspire.Hosting.Publishing.PipelineExecutor", LogLevel.None)
            .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None));

        var targets = new Dictionary<string, Action>();
        AddTargets(targets, builder, ports);
        if (targets.Count == 0)
            throw new AppHostException(
                "Publishing takes Aspire.Hosting.Docker and Aspire.Hosting.Kubernetes, which this " +
                "AppHost was built without. Build it with them: "
                + "dotnet run --project AppHost -p:Deployment=true -- --operation publish …");
        var target = builder.Configuration["target"] ?? targets.Keys.First();
        if (!targets.TryGetValue(target, out var add))
            throw new AppHostException(
                $"There is no deployment target '{target}'. Choose " +
                $"{string.Join(" or ", targets.Keys.Select(name => $"--target {name}"))}.");
        add();
    }

    /// <returns>The exit code: Aspire itself leaves it at zero when publishing has failed.</returns>
    public static async Task<int> RunAsync(DistributedApplication app)
    {
        var work = app.Services.GetServices<IHostedService>().OfType<BackgroundService>().ToList();
        var folder = app.Services.GetRequiredService<IConfiguration>()["Pipeline:OutputPath"];
        await app.RunAsync();
        if (work.Find(service => service.ExecuteTask is { IsFaulted: true })?.ExecuteTask is { Exception: { } failure })
        {
            await Console.Error.WriteLineAsync(failure.InnerException!.Message);
            return 1;
        }

        if (folder is not null)
            Console.WriteLine($"Written to {Path.GetFullPath(folder)}. How to go on: docs/operations.md, Deploying.");
        return 0;
    }

    /// <summary>Filled by <c>Deployment/</c>, which is compiled with <c>-p:Deployment=true</c> only.</summary>
    static partial void AddTargets(Dictionary<string, Action> targets, IDistributedApplicationBuilder builder, Ports ports);
}
