using System.Collections.Immutable;

namespace AspireCdc.AppHost.Local.Running;

/// <summary>How a resource's process is started, with every value filled in.</summary>
internal sealed record Launch(IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, string> Environment)
{
    public static async Task<Launch> OfAsync(ExecutableResource resource, CancellationToken cancellationToken)
    {
        var args = new CommandLineArgsCallbackContext();
        foreach (var annotation in resource.Annotations.OfType<CommandLineArgsCallbackAnnotation>())
            annotation.Callback(args);
        var arguments = new List<string>();
        foreach (var value in args.Args)
            arguments.Add(await ResolveAsync(value, cancellationToken));

        var variables = new EnvironmentCallbackContext();
        AddEndpoints(resource, variables.EnvironmentVariables);
        foreach (var annotation in resource.Annotations.OfType<EnvironmentCallbackAnnotation>())
            annotation.Callback(variables);
        var environment = new Dictionary<string, string>();
        foreach (var (name, value) in variables.EnvironmentVariables)
            environment[name] = await ResolveAsync(value, cancellationToken);

        return new(arguments, environment);
    }

    /// <summary>What the dashboard shows of it.</summary>
    public ImmutableArray<ResourcePropertySnapshot> Properties(ExecutableResource resource, int processId)
    {
        ResourcePropertySnapshot[] common =
        [
            new("executable.path", resource.Command),
            new("executable.args", Arguments),
            new("executable.workDir", resource.WorkingDirectory),
            new("executable.pid", processId),
        ];
        return resource is ProjectResource project ? [new("project.path", project.Project.ProjectPath), .. common] : [.. common];
    }

    private static void AddEndpoints(ExecutableResource resource, Dictionary<string, object> variables)
    {
        var endpoints = resource.Annotations.OfType<EndpointAnnotation>().ToList();
        foreach (var endpoint in endpoints)
        {
            if (endpoint.TargetPortEnvironmentVariable is { } name)
                variables[name] = $"{endpoint.AllocatedPort}";
        }

        var urls = endpoints.Where(endpoint => endpoint.UriScheme == "http").Select(endpoint => new EndpointReference(resource, endpoint.Name).Url).ToList();
        if (resource is ProjectResource && urls.Count > 0)
            variables["ASPNETCORE_URLS"] = string.Join(';', urls);
    }

    private static async ValueTask<string> ResolveAsync(object value, CancellationToken cancellationToken) =>
        value is IValueProvider provider ? await provider.GetValueAsync(cancellationToken) ?? "" : (string)value;
}
