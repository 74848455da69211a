using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.AppHost;

[Collection(SharedStack.Collection)]
public sealed class GraphTests(SharedStack stack)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory(Timeout = SharedStack.Deadline)]
    [InlineData("postgres")]
    [InlineData("clickhouse")]
    [InlineData("cdc-processor")]
    [InlineData("api")]
    [InlineData("aspire-dashboard")]
    public async Task A_service_becomes_healthy(string resource)
    {
        var app = await stack.StartedAsync(Cancel);

        var healthy = await app.ResourceNotifications.WaitForResourceAsync(
            resource, change => change.Snapshot.HealthStatus == HealthStatus.Healthy, Cancel);
        // Aspire asks nothing of its own dashboard.
        if (resource == "aspire-dashboard")
            return;
        healthy.Snapshot.HealthReports.Should().NotBeEmpty("a service that nobody asks is not known to be healthy");
    }

    [Theory(Timeout = SharedStack.Deadline)]
    [InlineData("init-db", "postgres", "api")]
    [InlineData("init-db", "postgres", "cdc-processor")]
    [InlineData("clickhouse-migrator", "clickhouse", "cdc-processor")]
    public async Task A_migration_runs_after_its_server_and_before_what_needs_it(string migration, string server, string dependent)
    {
        await stack.StartedAsync(Cancel);

        var snapshot = stack.AtStart[migration];
        snapshot.State!.Text.Should().Be(KnownResourceStates.Finished);
        snapshot.ExitCode.Should().Be(0);
        First(server, KnownResourceStates.Running)
            .Should().BeLessThan(First(migration, KnownResourceStates.Running, KnownResourceStates.Finished));
        First(migration, KnownResourceStates.Finished).Should().BeLessThan(First(dependent, KnownResourceStates.Running));

        int First(string resource, params string[] states)
        {
            var first = stack.Order.ToList().FindIndex(change => change.Resource == resource && states.Contains(change.State));
            first.Should().BeGreaterThanOrEqualTo(0, "{0} is {1} at some time", resource, string.Join(" or ", states));
            return first;
        }
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_row_goes_from_HTTP_to_ClickHouse()
    {
        var app = await stack.StartedAsync(Cancel);
        using var api = app.CreateHttpClient("api");
        var email = $"{Guid.NewGuid():N}@example.com";

        var response = await api.PostAsJsonAsync("/api/customers", new { email, name = "Ada", country = "UK", city = "London" }, Cancel);
        response.EnsureSuccessStatusCode();
        var id = (await response.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("id").GetInt64();

        await Wait.ForAsync(
            () => QueryAsync(app, $"SELECT customer_email FROM customer_dim WHERE customer_id = {id}"),
            found => found == email + "\n", "the customer in ClickHouse", Cancel);
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task Connection_strings_lead_to_the_databases()
    {
        var app = await stack.StartedAsync(Cancel);

        await using var postgres = new NpgsqlConnection(await app.GetConnectionStringAsync("shop", Cancel) + ";Pooling=false");
        await postgres.OpenAsync(Cancel);
        await using var command = new NpgsqlCommand("SELECT current_database()", postgres);
        (await command.ExecuteScalarAsync(Cancel)).Should().Be("shop");
        (await QueryAsync(app, "SELECT currentDatabase()")).Should().Be("local\n");
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task The_api_has_its_pages_and_lets_the_seeds_client_in()
    {
        var app = await stack.StartedAsync(Cancel);
        using var api = app.CreateHttpClient("api");
        using var request =
            new HttpRequestMessage(HttpMethod.Get, "/api/customers?limit=1") { Headers = { { "Origin", "http://localhost:3001" } } };

        using var answer = await api.SendAsync(request, Cancel);

        answer.Headers.GetValues("Access-Control-Allow-Origin").Should().Equal("http://localhost:3001");
        (await api.GetAsync("/docs", Cancel)).IsSuccessStatusCode.Should().BeTrue();
    }

    [Theory(Timeout = SharedStack.Deadline)]
    [InlineData("api", "api")]
    [InlineData("clickhouse", "star")]
    public async Task A_crashed_service_is_reported_and_becomes_healthy_again(string service, string healthy)
    {
        var app = await stack.StartedAsync(Cancel);
        var before = ProcessId(app, service);
        var report = app.ResourceNotifications.WaitForResourceAsync(
            service,
            change => KnownResourceStates.TerminalStates.Contains(change.Snapshot.State?.Text)
            && change.Snapshot.ExitCode is not (null or 0),
            Cancel);

        using (var process = Process.GetProcessById(before))
            process.Kill(entireProcessTree: true);

        await report;
        await app.ResourceNotifications.WaitForResourceAsync(
            service, change => ProcessId(change.Snapshot) is not 0 and var now && now != before, Cancel);
        await app.ResourceNotifications.WaitForResourceHealthyAsync(healthy, Cancel);
        using var api = app.CreateHttpClient("api");
        (await api.GetAsync("/health", Cancel)).IsSuccessStatusCode.Should().BeTrue();
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task The_restart_command_replaces_the_process()
    {
        var app = await stack.StartedAsync(Cancel);
        var before = ProcessId(app, "cdc-processor");

        (await app.ResourceCommands.ExecuteCommandAsync("cdc-processor", KnownResourceCommands.RestartCommand, Cancel)).Success.Should()
            .BeTrue();
        await app.ResourceNotifications.WaitForResourceHealthyAsync("cdc-processor", Cancel);

        ProcessId(app, "cdc-processor").Should().NotBe(before);
        Process.GetProcesses().Select(process => process.Id).Should().NotContain(before);
    }

    private static int ProcessId(DistributedApplication app, string resource) => ProcessId(SharedStack.Snapshot(app, resource));

    private static int ProcessId(CustomResourceSnapshot snapshot) =>
        (int)(snapshot.Properties.FirstOrDefault(property => property.Name == "executable.pid")?.Value ?? 0);

    private static async Task<string> QueryAsync(DistributedApplication app, string sql)
    {
        using var response = await SharedStack.AskClickHouseAsync(app, sql, Cancel);
        return await response.Content.ReadAsStringAsync(Cancel);
    }
}
