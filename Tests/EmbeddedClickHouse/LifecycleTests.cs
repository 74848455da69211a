using System.Diagnostics;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.EmbeddedClickHouse;

public sealed class LifecycleTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_second_process_on_the_same_folder_is_told_so()
    {
        await using var first = await ClickHouseServer.StartOwnAsync(Cancellation);

        var (status, output) = await RunAsync(
            new() { ["EmbeddedClickHouse__Data"] = first.Data, ["ASPNETCORE_URLS"] = $"http://localhost:{FreePort.Next()}" });

        status.Should().Be(1);
        output.Should().Contain(
            $"The data folder '{first.Data}' cannot be opened").And.Contain("another process has it open").And.NotContain("   at ");
    }

    [Fact]
    public async Task A_port_that_is_taken_is_told()
    {
        await using var first = await ClickHouseServer.StartOwnAsync(Cancellation);
        using var folder = new TemporaryFolder();

        var (status, output) =
            await RunAsync(new() { ["EmbeddedClickHouse__Data"] = folder.Path, ["ASPNETCORE_URLS"] = first.Address.ToString() });

        status.Should().Be(1);
        output.Should()
            .Contain("address already in use").And.Contain("set ASPNETCORE_URLS or --urls to another one").And.NotContain("   at ");
    }

    [Theory]
    [InlineData("EmbeddedClickHouse__Library", "", "EmbeddedClickHouse:Library is not set")]
    [InlineData("EmbeddedClickHouse__Library", "/nowhere/libchdb.so", "there is no '/nowhere/libchdb.so'")]
    [InlineData("EmbeddedClickHouse__Library", "/etc/passwd", "cannot be loaded as libchdb")]
    [InlineData("EmbeddedClickHouse__Data", "", "EmbeddedClickHouse:Data is not set")]
    [InlineData("EmbeddedClickHouse__Username", "", "EmbeddedClickHouse:Username is empty")]
    [InlineData("EmbeddedClickHouse__Database", "", "EmbeddedClickHouse:Database is empty")]
    [InlineData("ASPNETCORE_URLS", "http://0.0.0.0:0", "listens on this machine only")]
    public async Task A_wrong_option_is_told_in_a_sentence(string name, string value, string sentence)
    {
        using var folder = new TemporaryFolder();

        var (status, output) = await RunAsync(
            new() { ["EmbeddedClickHouse__Data"] = folder.Path, ["ASPNETCORE_URLS"] = "http://localhost:0", [name] = value });

        status.Should().Be(1);
        output.Should().Contain(sentence).And.NotContain("   at ");
    }

    [Fact]
    public async Task A_running_query_may_finish_when_the_server_stops()
    {
        await using var server = await ClickHouseServer.StartOwnAsync(Cancellation);
        var database = await server.CreateDatabaseAsync("d", Cancellation);
        var query = database.QueryAsync("SELECT count() FROM numbers(5) WHERE sleepEachRow(0.5) = 0", Cancellation);
        await Wait.UntilAsync(
            async () => await database.QueryAsync("SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%'",
                Cancellation) == "2\n", "the query to run", Cancellation);

        await server.StopAsync();

        (await query).Should().Be("5\n");
        server.Log.Should().Contain(line => line.Contains("the data folder is closed"));
    }

    [Fact]
    public async Task A_query_without_end_does_not_hold_up_the_stop()
    {
        await using var server = await ClickHouseServer.StartOwnAsync(Cancellation);
        var database = await server.CreateDatabaseAsync("d", Cancellation);
        var query = database.QueryAsync("SELECT count() FROM system.numbers WHERE sipHash64(number) = 1", Cancellation);
        await Wait.UntilAsync(
            async () => await database.QueryAsync("SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%'",
                Cancellation) == "2\n", "the query to run", Cancellation);

        await server.StopAsync();

        await FluentActions.Awaiting(() => query).Should().ThrowAsync<HttpRequestException>();
        server.Log.Should().Contain(line => line.Contains("the data folder is closed"));
    }

    [Fact]
    public async Task What_was_acknowledged_survives_a_kill()
    {
        await using var server = await ClickHouseServer.StartOwnAsync(Cancellation);
        var database = await server.CreateDatabaseAsync("d", Cancellation);
        await database.QueryAsync("CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a", Cancellation);
        for (var i = 0; i < 20; i++)
            await database.QueryAsync($"INSERT INTO t VALUES ({i})", Cancellation);

        await server.KillAsync();
        await server.StartAsync(Cancellation);

        (await database.QueryAsync("SELECT count(), sum(a) FROM t", Cancellation)).Should().Be("20\t190\n");
    }

    private static async Task<(int Status, string Output)> RunAsync(Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(
            "dotnet", [Repository.ProgramOf("EmbeddedClickHouse")])
        { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["EmbeddedClickHouse__Library"] = (await Repository.BinariesAsync(Cancellation)).ChDbLibrary;
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(Cancellation);
        var errors = process.StandardError.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);
        return (process.ExitCode, await output + await errors);
    }
}
