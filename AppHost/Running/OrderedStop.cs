using System.Globalization;
using AspireCdc.AppHost.Embedded;
using Microsoft.Extensions.Hosting;

namespace AspireCdc.AppHost.Running;

/// <summary>
/// Stops what depends on others before those: a processor can still acknowledge what it has applied, and a database has no clients left.
/// Aspire's orchestrator, whose turn comes afterwards, would end all at once.
/// </summary>
internal sealed class OrderedStop(
    DistributedApplicationModel model, ResourceNotificationService notifications, ResourceCommandService commands) : IHostedLifecycleService
{
    /// <summary>What takes longer is left to the orchestrator, which ends it by force.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        var stopping = new Dictionary<IResource, Task>();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        await Task.WhenAll(model.Resources.Select(StopOnceAsync)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        Task StopOnceAsync(IResource resource)
        {
            if (!stopping.TryGetValue(resource, out var task))
                stopping[resource] = task = StopAsync(resource, [.. model.Resources.Where(other =>
                    other != resource && DependsOn(other, resource)).Select(StopOnceAsync)], patience.Token);
            return task;
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>References, parents and what is waited for: Aspire notes all of them. The dashboard takes everybody's last telemetry, for
    /// which they would wait in vain.</summary>
    private static bool DependsOn(IResource resource, IResource other) =>
        IsDashboard(other) || resource.Annotations.OfType<ResourceRelationshipAnnotation>().Any(relation => relation.Resource == other);

    private static bool IsDashboard(IResource resource) => resource.Name == "aspire-dashboard";

    private async Task StopAsync(IResource resource, Task[] dependents, CancellationToken cancellationToken)
    {
        await Task.WhenAll(dependents);
        if (!notifications.TryGetCurrentState(resource.Name, out var now) || now.Snapshot.State?.Text != KnownResourceStates.Running
            || resource is not IResourceWithArgs)
            return;
        var ended =
            notifications.WaitForResourceAsync(resource.Name, change => change.Snapshot.StopTimeStamp is not null, cancellationToken);
        if (!IsDashboard(resource))
        {
            // The command looks only now and then whether the process has ended; the notification comes at once.
            await Task.WhenAny(ended, commands.ExecuteCommandAsync(resource, KnownResourceCommands.StopCommand, cancellationToken));
        }
        else if (ProcessOf(now.Snapshot) is { } process && !OperatingSystem.IsWindows())
        {
            // It has no such command, and the orchestrator would take a second for it.
            Posix.Kill(process, Posix.SigTerm);
        }
    }

    private static int? ProcessOf(CustomResourceSnapshot snapshot) =>
        snapshot.Properties.FirstOrDefault(property => property.Name == "executable.pid")?.Value is { } value
            ? Convert.ToInt32(value, CultureInfo.InvariantCulture)
            : null;
}
