using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AspireCdc.AppHost.Local.Running;

/// <summary>
/// Waits for what a resource depends on. When a dependency has failed the resource shows it, and goes on waiting: started anew from the dashboard,
/// the dependency may yet succeed.
/// </summary>
internal sealed class DependencyWait(IResource resource, ResourceRunnerFactory services)
{
    private readonly List<WaitAnnotation> _waits = [.. resource.Annotations.OfType<WaitAnnotation>()];
    private readonly HashSet<IResource> _failed = [];

    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        var open = _waits.Where(wait => !services.Notifications.TryGetCurrentState(wait.Resource.Name, out var now) || !IsSatisfied(wait, now.Snapshot)).ToList();
        if (open.Count == 0)
            return;
        await PublishAsync(KnownResourceStates.Waiting);
        services.Logs.Write(resource.Name, $"[AppHost] It waits until {string.Join(" and ", open.Select(Describe))}.");

        await foreach (var change in services.Notifications.WatchAsync(cancellationToken))
        {
            open.RemoveAll(wait => wait.Resource == change.Resource && IsSatisfied(wait, change.Snapshot));
            if (open.Count == 0)
                return;
            if (open.Find(wait => wait.Resource == change.Resource) is { } wait)
                await FollowAsync(wait, change.Snapshot);
        }
    }

    private async Task FollowAsync(WaitAnnotation wait, CustomResourceSnapshot snapshot)
    {
        if (HasFailed(wait, snapshot) ? !_failed.Add(wait.Resource) : !_failed.Remove(wait.Resource))
            return;
        if (_failed.Contains(wait.Resource))
        {
            var end = snapshot.ExitCode is { } code ? $"has ended with exit code {code}" : "has failed";
            services.Logs.Write(resource.Name, $"[AppHost] It cannot start: {wait.Resource.Name} {end}. It starts once {Describe(wait)}.", isError: true);
        }

        await PublishAsync(_failed.Count > 0 ? KnownResourceStates.FailedToStart : KnownResourceStates.Waiting);
    }

    private Task PublishAsync(string state) => services.Notifications.PublishUpdateAsync(resource, snapshot => snapshot with
    {
        State = new(state, Style: state == KnownResourceStates.FailedToStart ? "error" : null),
        ExitCode = null,
    });

    private static string Describe(WaitAnnotation wait) =>
        wait.WaitType == WaitType.WaitForCompletion ? $"{wait.Resource.Name} has completed" : $"{wait.Resource.Name} is healthy";

    private static bool IsSatisfied(WaitAnnotation wait, CustomResourceSnapshot snapshot) => wait.WaitType == WaitType.WaitForCompletion
        ? HasEnded(snapshot) && snapshot.ExitCode == wait.ExitCode
        : snapshot.HealthStatus == HealthStatus.Healthy;

    private static bool HasFailed(WaitAnnotation wait, CustomResourceSnapshot snapshot) =>
        snapshot.State?.Text == KnownResourceStates.FailedToStart
        || (wait.WaitType == WaitType.WaitForCompletion ? HasEnded(snapshot) : snapshot.State?.Text == KnownResourceStates.Finished);

    private static bool HasEnded(CustomResourceSnapshot snapshot) =>
        snapshot.State?.Text == KnownResourceStates.Finished || snapshot.State?.Text == KnownResourceStates.Exited;
}
