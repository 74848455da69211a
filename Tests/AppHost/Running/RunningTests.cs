using System.Collections.Concurrent;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using AspireCdc.AppHost.Running;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace AspireCdc.Tests.AppHost.Running;

/// <summary>How processes end and start again, on small ones.</summary>
public sealed class RunningTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly IDistributedApplicationBuilder _builder = DistributedApplication.CreateBuilder(new DistributedApplicationOptions
    {
        // Whose packages have the orchestrator.
        AssemblyName = "AppHost",
        ProjectDirectory = Path.Combine(Repository.Root, "AppHost"),
        DisableDashboard = true,
    });

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public RunningTests() => _builder.RunAsInDevelopment();

    public void Dispose() => _folder.Dispose();

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_crashed_service_starts_again_after_a_pause_and_one_that_was_stopped_does_not()
    {
        var pauses = new Pauses();
        _builder.Services.AddSingleton<TimeProvider>(pauses);
        var crash = Path.Combine(_folder.Path, "crash");
        Service("stopped", "trap 'exit 3' TERM; while :; do sleep 0.05; done");
        Service("crashed", $"while ! test -e {crash}; do sleep 0.05; done; rm {crash}; exit 3");
        await using var app = await StartAsync();
        await app.ResourceNotifications.WaitForResourceAsync("stopped", KnownResourceStates.Running, Cancel);
        var before = await app.ResourceNotifications.WaitForResourceAsync(
            "crashed", change => change.Snapshot is { State.Text: "Running", StartTimeStamp: not null }, Cancel);

        await app.ResourceCommands.ExecuteCommandAsync("stopped", KnownResourceCommands.StopCommand, Cancel);
        var stopped =
            await app.ResourceNotifications.WaitForResourceAsync("stopped", change => change.Snapshot.ExitCode is not null, Cancel);
        stopped.Snapshot.ExitCode.Should().NotBe(0, "only then could it be taken for a crash");
        await File.WriteAllTextAsync(crash, "", Cancel);
        await app.ResourceNotifications.WaitForResourceAsync("crashed", change => change.Snapshot.ExitCode == 3, Cancel);
        var again = await app.ResourceNotifications.WaitForResourceAsync(
            "crashed", change =>
                change.Snapshot is { State.Text: "Running" } now && now.StartTimeStamp > before.Snapshot.StartTimeStamp, Cancel);

        // The pause is asked of the clock; the orchestrator's own times say when it noticed.
        pauses.Asked.Should().Contain(TimeSpan.FromSeconds(1));
        again.Snapshot.StartTimeStamp.Should().BeAfter(before.Snapshot.StartTimeStamp!.Value);
        // It ended before the other one, and would have started before it.
        SharedStack.Snapshot(app, "stopped").State!.Text.Should().BeOneOf(KnownResourceStates.TerminalStates);
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task Everything_stops_dependents_first()
    {
        var log = Path.Combine(_folder.Path, "log");
        string Script(string name) =>
            $"trap 'echo {name} >> {log}; exit 0' TERM; touch {Path.Combine(_folder.Path, name)}; while :; do sleep 0.05; done";
        var server = Service("server", Script("server"));
        var migration = _builder.AddExecutable("migration", "true", _folder.Path).WaitFor(server);
        var service = Service("service", Script("service")).WaitForCompletion(migration);
        Service("page", Script("page")).WithReferenceRelationship(service);
        var app = await StartAsync();
        await Wait.UntilAsync(
            () => Task.FromResult(new[] { "server", "service", "page" }.All(name => File.Exists(Path.Combine(_folder.Path, name)))),
            "the shells to set their traps", Cancel, TimeSpan.FromMinutes(2));

        await app.StopAsync(Cancel);
        await app.DisposeAsync();

        (await File.ReadAllLinesAsync(log, Cancel)).Should().Equal("page", "service", "server");
    }

    /// <summary>The system's clock, which remembers for how long it was asked to wait.</summary>
    private sealed class Pauses : TimeProvider
    {
        public ConcurrentQueue<TimeSpan> Asked { get; } = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Asked.Enqueue(dueTime);
            return base.CreateTimer(callback, state, dueTime, period);
        }
    }

    private IResourceBuilder<ExecutableResource> Service(string name, string script) =>
        _builder.AddExecutable(name, "sh", _folder.Path, "-c", script).WithHttpEndpoint(isProxied: false);

    private async Task<DistributedApplication> StartAsync()
    {
        var app = _builder.Build();
        await app.StartAsync(Cancel);
        return app;
    }
}
