using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Hosting;

namespace AspireCdc.AppHost.Local.Running;

/// <summary>Gives out ports, starts every resource at once (each waits for its own dependencies) and stops them, dependents first.</summary>
internal sealed class Orchestrator(
    DistributedApplicationModel model, ResourceRunnerFactory runners, ResourceNotificationService notifications, TimeProvider time) : IHostedService
{
    private readonly Dictionary<IResource, ResourceRunner> _runners = [];

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        AllocatePorts();
        var resources = model.Resources.OfType<ExecutableResource>().ToList();
        foreach (var resource in resources)
        {
            var runner = runners.Create(resource, RunsToCompletion(resource));
            _runners.Add(resource, runner);
            AddLifecycleCommands(resource, runner);
            await notifications.PublishUpdateAsync(resource, snapshot => snapshot with
            {
                ResourceType = resource is ProjectResource ? "Project" : "Executable",
                CreationTimeStamp = time.GetUtcNow().UtcDateTime,
                State = KnownResourceStates.NotStarted,
                IsHidden = resource.Annotations.OfType<HiddenAnnotation>().Any(),
                Urls = [.. Urls(resource)],
            });
        }

        foreach (var resource in model.Resources.OfType<IResourceWithConnectionString>())
            await ShowAsync(resource, await resource.GetConnectionStringAsync(cancellationToken));

        foreach (var resource in resources.Where(resource => !resource.Annotations.OfType<ExplicitStartupAnnotation>().Any()))
            await _runners[resource].StartAsync();
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        var stops = new Dictionary<IResource, Task>();
        return Task.WhenAll(_runners.Keys.Select(StopAfterDependents));

        Task StopAfterDependents(IResource resource)
        {
            if (!stops.TryGetValue(resource, out var stop))
                stops[resource] = stop = StopAsync(resource, [.. _runners.Keys.Where(other => Dependencies.Of(other).Contains(resource)).Select(StopAfterDependents)]);
            return stop;
        }
    }

    private Task ShowAsync(IResourceWithConnectionString resource, string? value) => notifications.PublishUpdateAsync(resource, snapshot => snapshot with
    {
        ResourceType = "ConnectionString",
        CreationTimeStamp = time.GetUtcNow().UtcDateTime,
        State = KnownResourceStates.Running,
        Properties = [new("resource.connectionString", value) { IsSensitive = true }],
    });

    private async Task StopAsync(IResource resource, Task[] dependents)
    {
        await Task.WhenAll(dependents);
        await _runners[resource].StopAsync();
    }

    /// <summary>Something waits for its end, or it offers nothing that anyone could use while it runs.</summary>
    private bool RunsToCompletion(ExecutableResource resource) =>
        model.Resources.SelectMany(other => other.Annotations.OfType<WaitAnnotation>()).Any(wait => wait.Resource == resource && wait.WaitType == WaitType.WaitForCompletion)
        || !resource.Annotations.Any(annotation => annotation is EndpointAnnotation or HealthCheckAnnotation);

    private void AllocatePorts()
    {
        // All are held until all are known, so that none is given out twice.
        var held = new List<Socket>();
        foreach (var endpoint in model.Resources.SelectMany(resource => resource.Annotations.OfType<EndpointAnnotation>()))
        {
            endpoint.AllocatedPort = endpoint.Port;
            if (endpoint.Port is null)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
                held.Add(socket);
                endpoint.AllocatedPort = ((IPEndPoint)socket.LocalEndPoint!).Port;
            }
        }

        held.ForEach(socket => socket.Dispose());
    }

    private static IEnumerable<UrlSnapshot> Urls(ExecutableResource resource)
    {
        var urls = resource.Annotations.OfType<EndpointAnnotation>()
            .Select(endpoint => new EndpointReference(resource, endpoint.Name))
            .Select(endpoint => new ResourceUrlAnnotation { Url = endpoint.Url, Endpoint = endpoint })
            .ToList();
        foreach (var annotation in resource.Annotations.OfType<ResourceUrlsCallbackAnnotation>())
            annotation.Callback(urls);
        return urls.Select(url => new UrlSnapshot(url.Endpoint?.EndpointName, Absolute(url), IsInternal: false)
        {
            DisplayProperties = new(url.DisplayText ?? ""),
            IsInactive = true,
        });
    }

    private static string Absolute(ResourceUrlAnnotation url) =>
        url.Endpoint is { } endpoint && url.Url.StartsWith('/') ? endpoint.Url + url.Url : url.Url;

    private static void AddLifecycleCommands(ExecutableResource resource, ResourceRunner runner)
    {
        Add(KnownResourceCommands.StartCommand, "Start", "Play", showsWhileRunning: false, runner.StartAsync);
        Add(KnownResourceCommands.StopCommand, "Stop", "Stop", showsWhileRunning: true, runner.StopAsync);
        Add(KnownResourceCommands.RestartCommand, "Restart", "ArrowCounterclockwise", showsWhileRunning: true, async () =>
        {
            await runner.StopAsync();
            await runner.StartAsync();
        });

        void Add(string name, string displayName, string icon, bool showsWhileRunning, Func<Task> act) => resource.Annotations.Add(new ResourceCommandAnnotation(
            name,
            displayName,
            async _ =>
            {
                await act();
                return CommandResults.Success();
            },
            new()
            {
                Description = $"{displayName} resource",
                IconName = icon,
                IsHighlighted = name != KnownResourceCommands.RestartCommand,
                UpdateState = context => IsAlive(context.ResourceSnapshot) == showsWhileRunning ? ResourceCommandState.Enabled : ResourceCommandState.Hidden,
            }));
    }

    private static bool IsAlive(CustomResourceSnapshot snapshot) => snapshot.State?.Text is "Waiting" or "Starting" or "Running" or "Stopping";
}
