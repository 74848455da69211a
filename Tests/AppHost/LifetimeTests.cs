using System.Globalization;
using System.Net.Http.Json;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.AppHost;

public sealed class LifetimeTests
{
    private static readonly string[] AnyPorts =
        ["--Ports:Postgres=0", "--Ports:ClickHouse=0", "--Ports:Api=0", "--Ports:Processor=0", "--Ports:Dashboard=0"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>As people start it, with its launch profile; and behind a company's proxy, which knows nothing of this machine.</summary>
    [Fact(Timeout = 3 * SharedStack.Deadline)] // Three starts, of which the last need not end.
    public async Task By_dotnet_run_and_behind_a_dead_proxy_all_works_a_kill_leaves_no_child_and_the_next_run_goes_on_where_it_was()
    {
        using var state = new TemporaryFolder();
        string[] args = ["--stack", "embedded", "--state", state.Path, .. AnyPorts];
        var proxy = $"http://127.0.0.1:{FreePort.Next()}";
        var environment = new Dictionary<string, string>
        {
            ["ASPIRE_DASHBOARD_UNSECURED_ALLOW_ANONYMOUS"] = "true",
            ["HTTP_PROXY"] = proxy,
            ["http_proxy"] = proxy,
            ["ALL_PROXY"] = proxy,
            ["NO_PROXY"] = "",
            ["no_proxy"] = "",
        };

        IReadOnlyList<int> children;
        await using (var first = AppHostProcess.StartByDotNetRun(environment, args))
        {
            await first.ReadyAsync(Cancel);
            await ItsTelemetryArrivesAsync(first);
            (await SqlAsync(state, "CREATE TABLE kept AS SELECT 42 AS answer")).ExitCode.Should().Be(0);
            children = await first.DescendantsAsync(Cancel);
            children.Should().HaveCountGreaterThan(5);
            first.Kill();
        }

        await NobodyIsLeftAsync(children);

        await using (var second = AppHostProcess.Start(args))
        {
            await second.ReadyAsync(Cancel);
            (await SqlAsync(state, "SELECT answer FROM kept")).Output.Should().Contain("42");
            children = await second.DescendantsAsync(Cancel);
            second.Terminate();
            (await second.ExitAsync(Cancel)).Should().Be(0);
            second.Output.Should().EndWith("Stopped." + Environment.NewLine);
        }

        // The orchestrator is the last to go.
        await NobodyIsLeftAsync(children);

        await using (var third = AppHostProcess.Start([.. args, "--reset"]))
        {
            await Wait.ForAsync(() => SqlAsync(state, "SELECT answer FROM kept"),
                found => found.ExitCode == 1 && found.Output.Contains("relation \"kept\" does not exist", StringComparison.Ordinal),
                "PostgreSQL to be asked", Cancel);
        }
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_run_that_is_killed_while_it_starts_leaves_no_child_either()
    {
        using var state = new TemporaryFolder();
        await using var process = AppHostProcess.Start(["--stack", "embedded", "--state", state.Path, .. AnyPorts]);
        var children = await Wait.ForAsync(
            () => process.DescendantsAsync(Cancel), found => found.Count > 2, "the first children", Cancel, TimeSpan.FromMinutes(1));

        process.Kill();

        await NobodyIsLeftAsync(children);
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_database_can_be_asked_as_soon_as_it_answers_while_another_keeps_the_start_waiting()
    {
        using var state = new TemporaryFolder();
        // Where ClickHouse would have its folder: it cannot start, and what needs it waits.
        await File.WriteAllTextAsync(Path.Combine(state.Path, "clickhouse"), "", Cancel);
        await using var process = AppHostProcess.Start(["--stack", "embedded", "--state", state.Path, .. AnyPorts]);

        var answer = await Wait.ForAsync(() => SqlAsync(state, "SELECT 6 * 7 AS answer"), found => found.ExitCode == 0,
            "PostgreSQL to be asked", Cancel);

        answer.Output.Should().Contain("42");
        var (exitCode, output) = await AppHostProcess.RunAsync(["sql", "clickhouse", "SELECT 1", "--state", state.Path], Cancel);
        exitCode.Should().Be(1);
        output.TrimEnd().Should().Be(
            $"The stack is starting (AppHost, process {process.Id}), and clickhouse does not answer yet. AppHost prints 'clickhouse' " +
            "with 'healthy' when it does; why it takes long, the dashboard has in its log.");
        process.Output.Should().NotContain("ready in");
    }

    private static async Task ItsTelemetryArrivesAsync(AppHostProcess process)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        (await http.PostAsJsonAsync(process.Address("live page") + "/api/products", new { name = "Mouse", category = "Input", price = 1 },
            Cancel)).EnsureSuccessStatusCode();

        var dashboard = new Uri(process.Address("Dashboard"));
        await Wait.UntilAsync(
            async () => (await http.GetStringAsync(new Uri(dashboard, "/api/telemetry/spans?resource=api"), Cancel))
                .Contains("POST /api/products", StringComparison.Ordinal),
            "the span of the POST", Cancel);
    }

    private static Task NobodyIsLeftAsync(IReadOnlyList<int> children) => Wait.ForAsync(
        () => AppHostProcess.AliveAsync(children, Cancel), alive => alive.Count == 0,
        string.Create(CultureInfo.InvariantCulture, $"the end of the {children.Count} processes of a killed AppHost"), Cancel,
        TimeSpan.FromSeconds(60));

    private static Task<(int ExitCode, string Output)> SqlAsync(TemporaryFolder state, string sql) =>
        AppHostProcess.RunAsync(["sql", "postgres", sql, "--state", state.Path], Cancel);
}
