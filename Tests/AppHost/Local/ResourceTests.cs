using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Xunit;

namespace AspireCdc.Tests.AppHost.Local;

/// <summary>The app model on small processes.</summary>
public sealed class ResourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly IDistributedApplicationTestingBuilder _builder = DistributedApplicationTestingBuilder.Create();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_dependent_waits_until_its_dependency_is_healthy()
    {
        var health = HealthStatus.Unhealthy;
        _builder.Services.AddHealthChecks().AddCheck("server_check", () => new(health, "it warms up"));
        var server = Shell("server", "sleep 60").WithHealthCheck("server_check");
        Shell("client", "sleep 60").WithHttpEndpoint().WaitFor(server);
        await using var app = await StartAsync();

        await app.ResourceNotifications.WaitForResourceAsync("server", change => change.Snapshot.HealthReports is [{ Description: "it warms up" }], Cancel);
        await app.ResourceNotifications.WaitForResourceAsync("server", KnownResourceStates.Running, Cancel);
        await app.ResourceNotifications.WaitForResourceAsync("client", KnownResourceStates.Waiting, Cancel);

        health = HealthStatus.Healthy;
        await app.ResourceNotifications.WaitForResourceHealthyAsync("client", Cancel);
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_dependent_of_a_failed_migration_says_so_and_starts_once_it_has_succeeded()
    {
        var repaired = Path.Combine(_folder.Path, "repaired");
        var migration = Shell("migration", $"test -e {repaired}");
        Shell("service", "sleep 60").WithHttpEndpoint().WaitForCompletion(migration);
        await using var app = await StartAsync();

        await app.ResourceNotifications.WaitForResourceAsync("service", KnownResourceStates.FailedToStart, Cancel);
        Log(app, "service").Should().Contain(line => line.Contains("migration has ended with exit code 1"));

        await File.WriteAllTextAsync(repaired, "", Cancel);
        (await app.ResourceCommands.ExecuteCommandAsync("migration", KnownResourceCommands.StartCommand, Cancel)).Success.Should().BeTrue();
        await app.ResourceNotifications.WaitForResourceAsync("service", KnownResourceStates.Running, Cancel);
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_crashed_service_is_reported_and_starts_again_after_a_pause()
    {
        var crashed = Path.Combine(_folder.Path, "crashed");
        Shell("service", $"test -e {crashed} && exec sleep 60; touch {crashed}; echo out of luck; exit 3").WithHttpEndpoint();
        await using var app = _builder.Build();
        var crash = app.ResourceNotifications.WaitForResourceAsync("service", change => change.Snapshot is { State.Text: "Exited", ExitCode: 3 }, Cancel);
        await app.StartAsync(Cancel);

        var crashedAt = (await crash).Snapshot.StopTimeStamp!.Value;
        var again = await app.ResourceNotifications.WaitForResourceAsync(
            "service", change => change.Snapshot is { State.Text: "Running" } now && now.StartTimeStamp > crashedAt, Cancel);

        (again.Snapshot.StartTimeStamp - crashedAt).Should().BeGreaterThan(TimeSpan.FromSeconds(0.9));
        Log(app, "service").Should().ContainInOrder("out of luck", "[AppHost] It has ended with exit code 3 and starts again in 1 s.");
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_command_that_is_not_there_is_named()
    {
        _builder.AddExecutable("service", "no-such-command", _folder.Path).WithHttpEndpoint();
        await using var app = await StartAsync();

        var waiting = () => app.ResourceNotifications.WaitForResourceHealthyAsync("service", Cancel);

        (await waiting.Should().ThrowAsync<DistributedApplicationException>()).WithMessage("*the command no-such-command is not there*");
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_process_gets_its_arguments_endpoints_parameters_and_connection_strings()
    {
        var password = _builder.AddParameter("password", "s3cret", secret: true);
        var server = Shell("server", "sleep 60").WithEndpoint(scheme: "tcp", name: "tcp", env: "SERVER_PORT");
        var port = server.GetEndpoint("tcp").Property(EndpointProperty.Port);
        var database = _builder.AddConnectionString("db", ReferenceExpression.Create($"Port={port};Password={password}"));
        _builder.AddExecutable("client", "sh", _folder.Path, "-c", "echo \"$1|$PASSWORD|$ConnectionStrings__other|$(pwd)\"", "sh", "two words")
            .WithEnvironment("PASSWORD", password)
            .WithReference(database, "other");
        await using var app = await StartAsync();

        await app.ResourceNotifications.WaitForResourceAsync("client", KnownResourceStates.Finished, Cancel);

        var allocated = app.GetEndpoint("server", "tcp").Port;
        Log(app, "client").Should().Equal($"two words|s3cret|Port={allocated};Password=s3cret|{_folder.Path}");
        (await app.GetConnectionStringAsync("db", Cancel)).Should().Be($"Port={allocated};Password=s3cret");
        app.Services.GetRequiredService<DistributedApplicationModel>().Resources.Should().HaveCount(4);
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task Everything_stops_dependents_first()
    {
        var log = Path.Combine(_folder.Path, "log");
        string Script(string name) => $"trap 'echo {name} >> {log}; exit 0' TERM; touch {Path.Combine(_folder.Path, name)}; while :; do sleep 0.05; done";
        var database = Shell("database", Script("database")).WithHttpEndpoint();
        var connection = _builder.AddConnectionString("db", ReferenceExpression.Create($"{database.GetEndpoint("http").Property(EndpointProperty.Url)}"));
        var service = Shell("service", Script("service")).WithHttpEndpoint().WithReference(connection);
        Shell("page", Script("page")).WithHttpEndpoint().WaitFor(service);
        var app = await StartAsync();
        await app.ResourceNotifications.WaitForResourceHealthyAsync("page", Cancel);
        await Wait.UntilAsync(() => Task.FromResult(new[] { "database", "service", "page" }.All(name => File.Exists(Path.Combine(_folder.Path, name)))), "the shells to set their traps", Cancel);

        await app.DisposeAsync();

        (await File.ReadAllLinesAsync(log, Cancel)).Should().Equal("page", "service", "database");
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task What_starts_on_demand_waits_for_the_command()
    {
        Shell("tool", "echo done").WithExplicitStart();
        await using var app = await StartAsync();
        State(app, "tool").Should().Be(KnownResourceStates.NotStarted);

        await app.ResourceCommands.ExecuteCommandAsync("tool", KnownResourceCommands.StartCommand, Cancel);
        await app.ResourceNotifications.WaitForResourceAsync("tool", KnownResourceStates.Finished, Cancel);
        Log(app, "tool").Should().Equal("done");
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_stopped_service_stays_stopped_until_it_is_started()
    {
        Shell("service", "sleep 60").WithHttpEndpoint();
        await using var app = await StartAsync();
        await app.ResourceNotifications.WaitForResourceHealthyAsync("service", Cancel);

        await app.ResourceCommands.ExecuteCommandAsync("service", KnownResourceCommands.StopCommand, Cancel);
        State(app, "service").Should().Be(KnownResourceStates.Exited);

        await app.ResourceCommands.ExecuteCommandAsync("service", KnownResourceCommands.StartCommand, Cancel);
        await app.ResourceNotifications.WaitForResourceHealthyAsync("service", Cancel);
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_command_of_a_resource_runs_and_its_failure_is_told()
    {
        Shell("service", "sleep 60").WithHttpEndpoint()
            .WithCommand("works", "Works", _ => Task.FromResult(CommandResults.Success()))
            .WithCommand("fails", "Fails", _ => throw new InvalidOperationException("the disk is full"));
        await using var app = await StartAsync();

        (await app.ResourceCommands.ExecuteCommandAsync("service", "works", Cancel)).Success.Should().BeTrue();
        (await app.ResourceCommands.ExecuteCommandAsync("service", "fails", Cancel)).Message.Should().Be("the disk is full");
        (await app.ResourceCommands.ExecuteCommandAsync("service", "unknown", Cancel)).Success.Should().BeFalse();
    }

    [Fact]
    public void Two_resources_of_one_name_are_refused()
    {
        Shell("service", "true");
        var again = () => Shell("service", "true");
        again.Should().Throw<DistributedApplicationException>().WithMessage("There are two resources named 'service'.");
    }

    private IResourceBuilder<ExecutableResource> Shell(string name, string script) => _builder.AddExecutable(name, "sh", _folder.Path, "-c", script);

    private async Task<DistributedApplication> StartAsync()
    {
        var app = await _builder.BuildAsync(Cancel);
        await app.StartAsync(Cancel);
        return app;
    }

    private static string State(DistributedApplication app, string resource) => SharedStack.Snapshot(app, resource).State!.Text;

    private static IReadOnlyList<string> Log(DistributedApplication app, string resource) =>
        app.Services.GetRequiredService<ResourceLoggerService>().Tail(resource, 100);
}
