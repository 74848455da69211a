using AspireCdc.AppHost.Local.Dashboard;
using AspireCdc.AppHost.Local.Running;
using AspireCdc.AppHost.Local.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting;

internal sealed class DistributedApplicationBuilder : IDistributedApplicationBuilder
{
    private readonly HostApplicationBuilder _host;
    private readonly DistributedApplicationOptions _options;
    private readonly EntryPointObserver? _observer = EntryPointObserver.Current;

    public DistributedApplicationBuilder(DistributedApplicationOptions options)
    {
        var settings = new HostApplicationBuilderSettings { Args = options.Args, ContentRootPath = AppHostDirectory, Configuration = new() };
        settings.Configuration.AddEnvironmentVariables("DOTNET_");
        settings.EnvironmentName = settings.Configuration["ENVIRONMENT"] ?? Environments.Development;
        _observer?.Configure(options, settings);

        _options = options;
        _host = new(settings);
        _host.Logging.ClearProviders().AddSimpleConsole(console => console.SingleLine = true).SetMinimumLevel(LogLevel.Warning)
            // A resource that is not healthy yet shows in its state.
            .AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);

        Services
            .AddSingleton(TimeProvider.System)
            .AddSingleton(new DistributedApplicationModel(Resources))
            .AddSingleton<ResourceNotificationService>()
            .AddSingleton<ResourceLoggerService>()
            .AddSingleton<ResourceCommandService>()
            .AddSingleton<Guardian>()
            .AddSingleton<HealthMonitor>()
            .AddSingleton<ResourceRunnerFactory>()
            .AddSingleton<Orchestrator>()
            .AddSingleton(new HttpClient())
            .Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromMinutes(1))
            .AddHealthChecks();
        // Ctrl-C in a test run is for the test run.
        if (_observer is not null)
            Services.AddSingleton<IHostLifetime, EntryPointObserver.NoLifetime>();
    }

    public ConfigurationManager Configuration => _host.Configuration;

    public IHostEnvironment Environment => _host.Environment;

    public IServiceCollection Services => _host.Services;

    public IList<IResource> Resources { get; } = [];

    public string AppHostDirectory { get; } = Projects.AppHost.ProjectPath;

    public IResourceBuilder<T> AddResource<T>(T resource) where T : IResource
    {
        if (Resources.Any(other => string.Equals(other.Name, resource.Name, StringComparison.OrdinalIgnoreCase)))
            throw new DistributedApplicationException($"There are two resources named '{resource.Name}'.");
        Resources.Add(resource);
        return new ResourceBuilder<T>(this, resource);
    }

    public DistributedApplication Build()
    {
        // A test goes on from here with the graph that Program.cs has described.
        _observer?.Hand(this);
        return BuildApplication();
    }

    internal DistributedApplication BuildApplication()
    {
        if (!_options.DisableDashboard)
            this.AddDashboard();
        Services.AddHostedService(services => services.GetRequiredService<Orchestrator>());
        return new(_host.Build());
    }
}

/// <summary>The resources of the application.</summary>
internal sealed class DistributedApplicationModel(IList<IResource> resources)
{
    public IList<IResource> Resources => resources;
}
