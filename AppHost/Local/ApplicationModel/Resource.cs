using System.Collections.ObjectModel;

namespace Aspire.Hosting.ApplicationModel;

internal interface IResource
{
    string Name { get; }

    ResourceAnnotationCollection Annotations { get; }
}

internal interface IResourceAnnotation;

internal sealed class ResourceAnnotationCollection : Collection<IResourceAnnotation>;

internal interface IResourceWithEnvironment : IResource;

internal interface IResourceWithArgs : IResource;

internal interface IResourceWithEndpoints : IResource;

internal interface IResourceWithWaitSupport : IResource;

internal interface IResourceWithConnectionString : IResource, IValueProvider
{
    ReferenceExpression ConnectionStringExpression { get; }

    ValueTask<string?> GetConnectionStringAsync(CancellationToken cancellationToken = default) => ConnectionStringExpression.GetValueAsync(cancellationToken);

    ValueTask<string?> IValueProvider.GetValueAsync(CancellationToken cancellationToken) => GetConnectionStringAsync(cancellationToken);
}

internal abstract class Resource(string name) : IResource
{
    public string Name => name;

    public ResourceAnnotationCollection Annotations { get; } = [];
}

internal class ExecutableResource(string name, string command, string workingDirectory)
    : Resource(name), IResourceWithEnvironment, IResourceWithArgs, IResourceWithEndpoints, IResourceWithWaitSupport
{
    public string Command => command;

    public string WorkingDirectory => workingDirectory;
}

/// <summary>A project, started as its built assembly.</summary>
internal sealed class ProjectResource(string name, IProjectMetadata project)
    : ExecutableResource(name, "dotnet", Path.GetDirectoryName(project.ProjectPath)!)
{
    public IProjectMetadata Project => project;
}

internal sealed class ParameterResource(string name, string value, bool secret) : Resource(name), IValueProvider
{
    public bool Secret => secret;

    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => new(value);
}
