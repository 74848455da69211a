using Microsoft.Extensions.Hosting;

namespace AspireCdc.AppHost.Local.Testing;

/// <summary>Stands beside an entry point that a test runs: sets what tests want set, and takes the builder over when the graph is described.</summary>
internal sealed class EntryPointObserver(Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configure)
{
    // Per flow of execution, so that tests may create applications side by side.
    private static readonly AsyncLocal<EntryPointObserver?> Observer = new();

    public static EntryPointObserver? Current => Observer.Value;

    public DistributedApplicationBuilder? Builder { get; private set; }

    public void Observe() => Observer.Value = this;

    public void Configure(DistributedApplicationOptions options, HostApplicationBuilderSettings settings) => configure(options, settings);

    public void Hand(DistributedApplicationBuilder builder)
    {
        Builder = builder;
        throw new HostAbortedException("The graph is described; the test builds and runs it.");
    }

    /// <summary>Signals end the test process, and not the application in it alone.</summary>
    internal sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
