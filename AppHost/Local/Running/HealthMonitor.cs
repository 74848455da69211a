using System.Collections.Immutable;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AspireCdc.AppHost.Local.Running;

/// <summary>Runs the health checks of a running resource: in quick succession until it is healthy, then at leisure.</summary>
internal sealed class HealthMonitor(HealthCheckService checks, ResourceNotificationService notifications, TimeProvider time)
{
    private static readonly TimeSpan WhileStarting = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan WhileUnhealthy = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WhileHealthy = TimeSpan.FromSeconds(5);

    public static IReadOnlyList<string> KeysOf(IResource resource) => [.. resource.Annotations.OfType<HealthCheckAnnotation>().Select(check => check.Key)];

    /// <summary>Runs until it is cancelled.</summary>
    public async Task WatchAsync(IResource resource, CancellationToken cancellationToken)
    {
        var keys = KeysOf(resource);
        var wasHealthy = false;
        while (keys.Count > 0)
        {
            var report = await checks.CheckHealthAsync(check => keys.Contains(check.Name), cancellationToken);
            var reports = report.Entries
                .Select(entry => new HealthReportSnapshot(entry.Key, entry.Value.Status, entry.Value.Description, entry.Value.Exception?.Message)
                {
                    LastRunAt = time.GetUtcNow().UtcDateTime,
                })
                .ToImmutableArray();
            await notifications.PublishUpdateAsync(resource, snapshot => snapshot with { HealthReports = reports });

            var healthy = report.Status == HealthStatus.Healthy;
            wasHealthy |= healthy;
            await Task.Delay(healthy ? WhileHealthy : wasHealthy ? WhileUnhealthy : WhileStarting, time, cancellationToken);
        }
    }
}
