using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting;

internal interface IDistributedApplicationBuilder
{
    ConfigurationManager Configuration { get; }

    IHostEnvironment Environment { get; }

    IServiceCollection Services { get; }

    IList<IResource> Resources { get; }

    /// <summary>The folder of AppHost's project.</summary>
    string AppHostDirectory { get; }

    IResourceBuilder<T> AddResource<T>(T resource) where T : IResource;

    DistributedApplication Build();
}

internal sealed class DistributedApplicationOptions
{
    public string[]? Args { get; set; }

    public bool DisableDashboard { get; set; }
}

internal sealed class DistributedApplicationException(string message) : Exception(message);

/// <summary>A project of the solution; the build writes one class for each that AppHost refers to.</summary>
internal interface IProjectMetadata
{
    string ProjectPath { get; }

    string AssemblyPath { get; }
}
