using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AspireCdc.AppHost.Running;

/// <summary>Starts a service again that has crashed, after a pause; one that somebody has stopped stays stopped.</summary>
internal sealed class CrashRestarts(
    DistributedApplicationModel model, ResourceNotificationService notifications, ResourceCommandService commands,
    ResourceLoggerService logs, TimeProvider time)
    : BackgroundService
{
    /// <summary>After so many crashes in a row it is left to the user.</summary>
    private const int MostCrashes = 5;

    /// <summary>A process that lived this long and crashes then starts again as if for the first time.</summary>
    private static readonly TimeSpan Stable = TimeSpan.FromSeconds(30);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(model.Resources
        .Where(resource => resource is ProjectResource or ExecutableResource && resource.Annotations.OfType<EndpointAnnotation>().Any())
        .Select(resource => WatchAsync(resource, stoppingToken)));

    private async Task WatchAsync(IResource service, CancellationToken stopping)
    {
        var crashes = new Dictionary<string, int>();
        var stoppedByCommand = new HashSet<string>();
        await foreach (var change in notifications.WatchAsync(stopping))
        {
            if (change.Resource != service)
                continue;
            var (id, now) = (change.ResourceId, change.Snapshot);
            if (now.State?.Text == KnownResourceStates.Stopping)
                stoppedByCommand.Add(id);
            else if (now.State?.Text == KnownResourceStates.Running)
                stoppedByCommand.Remove(id);
            else if (HasCrashed(now) && !stoppedByCommand.Contains(id))
            {
                var lived = now.StopTimeStamp - now.StartTimeStamp;
                crashes[id] = lived > Stable ? 1 : crashes.GetValueOrDefault(id) + 1;
                await RestartAsync(change, crashes[id], stopping);
                // What came meanwhile is about the process that has gone.
                stoppedByCommand.Add(id);
            }
        }
    }

    private static bool HasCrashed(CustomResourceSnapshot now) =>
        KnownResourceStates.TerminalStates.Contains(now.State?.Text) && now.ExitCode is not (null or 0);

    private async Task RestartAsync(ResourceEvent crash, int crashes, CancellationToken stopping)
    {
        var log = logs.GetLogger(crash.ResourceId);
        if (crashes >= MostCrashes)
        {
            log.LogError("It has ended {Crashes} times in a row, the last time with exit code {ExitCode}; it is not started again.",
                crashes, crash.Snapshot.ExitCode);
            return;
        }

        var pause = TimeSpan.FromSeconds(1 << (crashes - 1));
        log.LogError("It has ended with exit code {ExitCode} and starts again in {Pause} s.", crash.Snapshot.ExitCode, pause.TotalSeconds);
        await Task.Delay(pause, time, stopping);
        if (notifications.TryGetCurrentState(crash.ResourceId, out var now) && HasCrashed(now.Snapshot))
            await commands.ExecuteCommandAsync(crash.ResourceId, KnownResourceCommands.StartCommand, stopping);
    }
}
