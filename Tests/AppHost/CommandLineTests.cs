using System.Globalization;
using System.Net;
using System.Net.Sockets;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.AppHost;

/// <summary>What a user reads who asks for the impossible: one sentence.</summary>
[Collection(SharedStack.Collection)]
public sealed class CommandLineTests(SharedStack stack)
{
    private static readonly string[] AnyPorts =
        ["--Ports:Postgres=0", "--Ports:ClickHouse=0", "--Ports:Api=0", "--Ports:Processor=0", "--Ports:Dashboard=0"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory(Timeout = SharedStack.Deadline)]
    [InlineData("AppHost does not know '--rest'. --help shows the options.", "--rest")]
    [InlineData("AppHost does not know 'start'. --help shows the options.", "start")]
    [InlineData("AppHost does not know '--Ports:Mysql=3306'. --help shows the options.", "--Ports:Mysql=3306")]
    [InlineData("The option --stack needs a value. --help shows the options.", "--stack")]
    [InlineData("There is no stack 'kubernetes' (--stack kubernetes). Choose embedded or containers.", "--stack", "kubernetes")]
    [InlineData("Usage: dotnet run --project AppHost -- sql postgres|clickhouse \"SELECT …\" [--state FOLDER]", "sql", "mysql", "SELECT 1")]
    public async Task A_wrong_option_is_answered_with_a_sentence(string sentence, params string[] args)
    {
        var (exitCode, output) = await AppHostProcess.RunAsync(args, Cancel);

        exitCode.Should().Be(1);
        output.TrimEnd().Should().Be(sentence);
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task Publishing_says_which_property_adds_its_packages()
    {
        Assert.SkipWhen(
            File.Exists(Path.Combine(AppContext.BaseDirectory, "Aspire.Hosting.Docker.dll")), "This AppHost was built with them.");

        var (exitCode, output) =
            await AppHostProcess.RunAsync(["--operation", "publish", "--step", "publish", "--output-path", Path.GetTempPath()], Cancel);

        exitCode.Should().Be(1);
        output.TrimEnd().Should().Be(
            "Publishing takes Aspire.Hosting.Docker and Aspire.Hosting.Kubernetes, which this AppHost was built without. "
            + "Build it with them: dotnet run --project AppHost -p:Deployment=true -- --operation publish …");
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_port_that_is_no_port_is_refused()
    {
        using var state = new TemporaryFolder();

        var (exitCode, output) = await AppHostProcess.RunAsync(["--state", state.Path, "--Ports:Api=http"], Cancel);

        exitCode.Should().Be(1);
        output.Should()
            .Contain("Ports:Api is 'http'; it takes a port from 1 to 65535, or 0 for any that is free.").And.NotContain("   at ");
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task Help_names_the_commands_and_options()
    {
        var (exitCode, output) = await AppHostProcess.RunAsync(["--help"], Cancel);

        exitCode.Should().Be(0);
        output.Should().ContainAll("sql postgres|clickhouse", "--stack", "--reset", "--state", "--Ports:", "--Parameters:");
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_taken_port_is_named_with_its_holder_and_the_way_out()
    {
        using var state = new TemporaryFolder();
        using var holder = new TcpListener(IPAddress.Loopback, 0);
        holder.Start();
        var port = ((IPEndPoint)holder.LocalEndpoint).Port;

        var (exitCode, output) = await AppHostProcess.RunAsync(
            ["--state", state.Path, .. AnyPorts, $"--Ports:Api={port}"], Cancel);

        exitCode.Should().Be(1);
        output.Should().Contain(string.Create(CultureInfo.InvariantCulture, $"Port {port} for Api is taken by "))
            .And.Contain($"(process {Environment.ProcessId})")
            .And.Contain(string.Create(CultureInfo.InvariantCulture, $"--Ports:Api={port + 1}"))
            .And.NotContain("   at ");
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_second_AppHost_over_the_same_state_names_the_first()
    {
        await stack.StartedAsync(Cancel);

        var (exitCode, output) = await AppHostProcess.RunAsync(["--state", stack.StateFolder], Cancel);

        exitCode.Should().Be(1);
        output.Should().Contain($"Another AppHost (process {Environment.ProcessId}) runs on {stack.StateFolder}.").And.NotContain("   at ");
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task Databases_of_another_PostgreSQL_are_told_before_anything_starts()
    {
        using var state = new TemporaryFolder();
        Directory.CreateDirectory(Path.Combine(state.Path, "postgres"));
        await File.WriteAllTextAsync(Path.Combine(state.Path, "postgres", "PG_VERSION"), "17\n", Cancel);

        var (exitCode, output) = await AppHostProcess.RunAsync(["--stack", "embedded", "--state", state.Path, .. AnyPorts], Cancel);

        exitCode.Should().Be(1);
        output.Should().Contain("are those of PostgreSQL 17, and this is PostgreSQL 18").And.Contain("--reset").And.NotContain("   at ");
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_folder_that_cannot_be_used_is_named()
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "file");
        await File.WriteAllTextAsync(file, "", Cancel);

        var (exitCode, output) = await AppHostProcess.RunAsync(["--stack", "embedded", "--state", file, .. AnyPorts], Cancel);

        exitCode.Should().Be(1);
        output.Should().Contain(
            "The folder for the databases cannot be used").And.Contain(file).And.Contain("--state FOLDER").And.NotContain("   at ");
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task Sql_says_when_the_stack_is_not_running()
    {
        using var state = new TemporaryFolder();

        var (exitCode, output) = await AppHostProcess.RunAsync(["sql", "postgres", "SELECT 1", "--state", state.Path], Cancel);

        exitCode.Should().Be(1);
        output.TrimEnd().Should().Be("The stack is not running. Start it with: dotnet run --project AppHost");
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task Sql_prints_a_table_of_PostgreSQL()
    {
        var (exitCode, output) =
            await SqlAsync("postgres", "SELECT 1.50 AS price, 'O''Hara' AS name, NULL AS city UNION ALL SELECT 2, '[x]', 'Ulm'");

        exitCode.Should().Be(0);
        output.Split('\n').Select(line => line.TrimEnd()).Should().StartWith(
        [
            "┌───────┬────────┬──────┐",
            "│ price │ name   │ city │",
            "├───────┼────────┼──────┤",
            "│ 1.50  │ O'Hara │ NULL │",
            "│ 2     │ [x]    │ Ulm  │",
            "└───────┴────────┴──────┘",
        ]);
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task Sql_prints_a_table_of_ClickHouse()
    {
        var (exitCode, output) = await SqlAsync("clickhouse", "SELECT 1 AS one, 'x' AS text");

        exitCode.Should().Be(0);
        output.Should().Contain("┌─one─┬─text─┐").And.Contain("│   1 │ x    │");
    }

    [Theory(Timeout = SharedStack.Deadline)]
    [InlineData("postgres", "SELEC 1", "PostgreSQL: 42601: syntax error at or near \"SELEC\"")]
    [InlineData("clickhouse", "SELECT nothing", "ClickHouse: Code: 47.")]
    public async Task A_failing_query_is_answered_with_a_line(string database, string sql, string beginning)
    {
        var (exitCode, output) = await SqlAsync(database, sql);

        exitCode.Should().Be(1);
        output.Should().StartWith(beginning);
        output.TrimEnd().Should().NotContain("\n");
    }

    private async Task<(int ExitCode, string Output)> SqlAsync(string database, string sql)
    {
        await stack.StartedAsync(Cancel);
        return await AppHostProcess.RunAsync(["sql", database, sql, "--state", stack.StateFolder], Cancel);
    }
}
