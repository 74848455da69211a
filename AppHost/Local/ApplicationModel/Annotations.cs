namespace Aspire.Hosting.ApplicationModel;

internal sealed class EndpointAnnotation(string name, string scheme, int? port, string? env) : IResourceAnnotation
{
    public string Name => name;

    public string UriScheme => scheme;

    /// <summary>The port asked for; null means any that is free.</summary>
    public int? Port { get; set; } = port;

    /// <summary>The environment variable in which the process finds its port.</summary>
    public string? TargetPortEnvironmentVariable => env;

    /// <summary>The port that the resource listens on, known once the application starts.</summary>
    public int? AllocatedPort { get; set; }
}

internal sealed class EnvironmentCallbackAnnotation(Action<EnvironmentCallbackContext> callback) : IResourceAnnotation
{
    public Action<EnvironmentCallbackContext> Callback => callback;
}

/// <summary>What callbacks add to; a value is a string or an <see cref="IValueProvider"/>.</summary>
internal sealed class EnvironmentCallbackContext
{
    public Dictionary<string, object> EnvironmentVariables { get; } = [];
}

internal sealed class CommandLineArgsCallbackAnnotation(Action<CommandLineArgsCallbackContext> callback) : IResourceAnnotation
{
    public Action<CommandLineArgsCallbackContext> Callback => callback;
}

/// <inheritdoc cref="EnvironmentCallbackContext"/>
internal sealed class CommandLineArgsCallbackContext
{
    public IList<object> Args { get; } = [];
}

internal enum WaitType
{
    WaitUntilHealthy,
    WaitForCompletion,
}

internal sealed class WaitAnnotation(IResource resource, WaitType waitType, int exitCode = 0) : IResourceAnnotation
{
    public IResource Resource => resource;

    public WaitType WaitType => waitType;

    public int ExitCode => exitCode;
}

internal sealed class ResourceRelationshipAnnotation(IResource resource, string type) : IResourceAnnotation
{
    public IResource Resource => resource;

    public string Type => type;
}

internal sealed class HealthCheckAnnotation(string key) : IResourceAnnotation
{
    public string Key => key;
}

internal sealed class ResourceIconAnnotation(string iconName) : IResourceAnnotation
{
    /// <summary>A name of the Fluent UI icons.</summary>
    public string IconName => iconName;
}

internal sealed class ExplicitStartupAnnotation : IResourceAnnotation;

internal sealed class ResourceUrlsCallbackAnnotation(Action<List<ResourceUrlAnnotation>> callback) : IResourceAnnotation
{
    public Action<List<ResourceUrlAnnotation>> Callback => callback;
}

internal sealed class ResourceUrlAnnotation : IResourceAnnotation
{
    public required string Url { get; set; }

    public string? DisplayText { get; set; }

    public EndpointReference? Endpoint { get; init; }
}
