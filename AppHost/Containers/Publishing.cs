using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AspireCdc.AppHost.Containers;

/// <summary>Writes the graph down instead of starting it, and says where, or why not.</summary>
internal static class Publishing
{
    public static void TellBriefly(this IDistributedApplicationBuilder builder) => builder.Services.AddLogging(logging => logging
        .SetMinimumLevel(LogLevel.Warning)
        // What fails is told below, in a sentence.
        .AddFilter("Aspire.Hosting.Publishing.PipelineExecutor", LogLevel.None)
        .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None));

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
}
