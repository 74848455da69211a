using System.Reflection;
using AspireCdc.AppHost.Local.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Testing;

internal interface IDistributedApplicationTestingBuilder : IDistributedApplicationBuilder, IAsyncDisposable
{
    Task<DistributedApplication> BuildAsync(CancellationToken cancellationToken = default);
}

internal static class DistributedApplicationTestingBuilder
{
    /// <summary>The graph that the entry point's Program.cs describes, on free ports and without a dashboard.</summary>
    public static Task<IDistributedApplicationTestingBuilder> CreateAsync<TEntryPoint>(string[] args, CancellationToken cancellationToken = default)
        where TEntryPoint : class =>
        CreateAsync<TEntryPoint>(args, (_, _) => { }, cancellationToken);

    /// <inheritdoc cref="CreateAsync{TEntryPoint}(string[], CancellationToken)"/>
    public static async Task<IDistributedApplicationTestingBuilder> CreateAsync<TEntryPoint>(
        string[] args, Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configureBuilder, CancellationToken cancellationToken = default)
    {
        var observer = new EntryPointObserver((options, settings) => SetDefaults(options, settings, configureBuilder));
        var entryPoint = typeof(TEntryPoint).Assembly.EntryPoint
            ?? throw new InvalidOperationException($"{typeof(TEntryPoint).Assembly.GetName().Name} has no entry point.");
        var exitCode = await Task.Run(
            () =>
            {
                observer.Observe();
                try
                {
                    return entryPoint.Invoke(null, BindingFlags.DoNotWrapExceptions, binder: null, [args], culture: null);
                }
                catch (HostAbortedException)
                {
                    return null;
                }
            },
            cancellationToken);
        return observer.Builder is { } builder
            ? new TestingBuilder(builder)
            : throw new InvalidOperationException($"The entry point ended with code {exitCode} before it had built an application.");
    }

    /// <summary>An empty graph, on free ports and without a dashboard.</summary>
    public static IDistributedApplicationTestingBuilder Create(params string[] args)
    {
        // The observer's value goes no further than this method's flow.
        var observer = new EntryPointObserver((options, settings) => SetDefaults(options, settings, (_, _) => { }));
        DistributedApplicationBuilder? builder = null;
        ExecutionContext.Run(ExecutionContext.Capture()!, _ =>
        {
            observer.Observe();
            builder = new(new() { Args = args });
        }, null);
        return new TestingBuilder(builder!);
    }

    private static void SetDefaults(
        DistributedApplicationOptions options, HostApplicationBuilderSettings settings,
        Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configureBuilder)
    {
        options.DisableDashboard = true;
        settings.Configuration!.AddInMemoryCollection([new("DcpPublisher:RandomizePorts", "true")]);
        configureBuilder(options, settings);
    }

    private sealed class TestingBuilder(DistributedApplicationBuilder builder) : IDistributedApplicationTestingBuilder
    {
        private DistributedApplication? _application;

        public ConfigurationManager Configuration => builder.Configuration;

        public IHostEnvironment Environment => builder.Environment;

        public IServiceCollection Services => builder.Services;

        public IList<IResource> Resources => builder.Resources;

        public string AppHostDirectory => builder.AppHostDirectory;

        public IResourceBuilder<T> AddResource<T>(T resource) where T : IResource => builder.AddResource(resource);

        public DistributedApplication Build() => _application = builder.BuildApplication();

        public Task<DistributedApplication> BuildAsync(CancellationToken cancellationToken = default) => Task.FromResult(Build());

        public ValueTask DisposeAsync() => _application?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}

internal static class DistributedApplicationHostingTestingExtensions
{
    public static HttpClient CreateHttpClient(this DistributedApplication app, string resourceName, string? endpointName = null) =>
        new() { BaseAddress = app.GetEndpoint(resourceName, endpointName) };

    public static Uri GetEndpoint(this DistributedApplication app, string resourceName, string? endpointName = null)
    {
        var resource = app.Resource<IResourceWithEndpoints>(resourceName);
        var name = endpointName ?? resource.Annotations.OfType<EndpointAnnotation>().FirstOrDefault()?.Name
            ?? throw new ArgumentException($"Resource '{resourceName}' has no endpoint.", nameof(resourceName));
        return new(new EndpointReference(resource, name).Url);
    }

    public static ValueTask<string?> GetConnectionStringAsync(
        this DistributedApplication app, string resourceName, CancellationToken cancellationToken = default) =>
        app.Resource<IResourceWithConnectionString>(resourceName).GetConnectionStringAsync(cancellationToken);

    private static T Resource<T>(this DistributedApplication app, string name) where T : IResource =>
        app.Services.GetRequiredService<DistributedApplicationModel>().Resources.OfType<T>().FirstOrDefault(resource => resource.Name == name)
        ?? throw new ArgumentException($"There is no resource '{name}' that is {typeof(T).Name}.", nameof(name));
}
