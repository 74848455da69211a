using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>Knows the latest snapshot of each resource and tells whoever watches about the next.</summary>
internal sealed class ResourceNotificationService(ResourceLoggerService logs)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ResourceEvent> _latest = [];
    private ImmutableList<ChannelWriter<ResourceEvent>> _watchers = [];

    /// <summary>Changes a resource's snapshot.</summary>
    public Task PublishUpdateAsync(IResource resource, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory)
    {
        lock (_gate)
        {
            var before = _latest.TryGetValue(resource.Name, out var latest)
                ? latest.Snapshot
                : new CustomResourceSnapshot { ResourceType = resource.GetType().Name.Replace("Resource", ""), Properties = [] };
            var change = new ResourceEvent(resource, stateFactory(before));
            _latest[resource.Name] = change;
            // Unbounded channels: writing never fails, and never waits inside the lock.
            foreach (var watcher in _watchers)
                watcher.TryWrite(change);
        }

        return Task.CompletedTask;
    }

    public bool TryGetCurrentState(string resourceId, [NotNullWhen(true)] out ResourceEvent? resourceEvent)
    {
        lock (_gate)
            return _latest.TryGetValue(resourceId, out resourceEvent);
    }

    /// <summary>The latest snapshot of every resource, then every change.</summary>
    public async IAsyncEnumerable<ResourceEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var channel = Channel.CreateUnbounded<ResourceEvent>(new() { SingleReader = true });
        lock (_gate)
        {
            foreach (var latest in _latest.Values)
                channel.Writer.TryWrite(latest);
            _watchers = _watchers.Add(channel.Writer);
        }

        try
        {
            await foreach (var change in channel.Reader.ReadAllAsync(cancellationToken))
                yield return change;
        }
        finally
        {
            lock (_gate)
                _watchers = _watchers.Remove(channel.Writer);
        }
    }

    public async Task<ResourceEvent> WaitForResourceAsync(string resourceName, Func<ResourceEvent, bool> predicate, CancellationToken cancellationToken = default)
    {
        await foreach (var change in WatchAsync(cancellationToken))
        {
            if (change.Resource.Name == resourceName && predicate(change))
                return change;
        }

        throw new OperationCanceledException(cancellationToken);
    }

    public Task WaitForResourceAsync(string resourceName, string? targetState = null, CancellationToken cancellationToken = default) =>
        WaitForResourceAsync(resourceName, change => change.Snapshot.State?.Text == (targetState ?? KnownResourceStates.Running), cancellationToken);

    /// <summary>Waits until the resource is healthy, or throws when that can no longer be.</summary>
    public async Task<ResourceEvent> WaitForResourceHealthyAsync(string resourceName, CancellationToken cancellationToken = default)
    {
        var change = await WaitForResourceAsync(
            resourceName, change => change.Snapshot.HealthStatus == HealthStatus.Healthy || HasEnded(change.Snapshot), cancellationToken);
        return !HasEnded(change.Snapshot)
            ? change
            : throw new DistributedApplicationException(
                $"Resource '{resourceName}' is not going to be healthy: it is in state {change.Snapshot.State?.Text}"
                + $"{(change.Snapshot.ExitCode is { } code ? $", exit code {code}" : "")}. Its last output:\n{string.Join('\n', logs.Tail(resourceName, 20))}");
    }

    private static bool HasEnded(CustomResourceSnapshot snapshot) =>
        snapshot.State?.Text is { } state && (state == KnownResourceStates.FailedToStart || state == KnownResourceStates.Finished);
}
