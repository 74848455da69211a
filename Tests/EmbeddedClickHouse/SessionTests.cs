using System.Net.Sockets;
using System.Text;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.EmbeddedClickHouse;

public sealed class SessionTests(ClickHouseServer clickhouse) : IAsyncLifetime
{
    private readonly string _session = "session_id=" + Guid.NewGuid().ToString("N");
    private TestClickHouse _database = null!;
    private ClickHouseHttp _http = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _database = await clickhouse.CreateDatabaseAsync(Cancellation);
        _http = new ClickHouseHttp(_database);
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_session_keeps_settings_and_temporary_tables()
    {
        await _http.QueryAsync("CREATE TEMPORARY TABLE mine (a Int32)", _session);
        await _http.QueryAsync("INSERT INTO mine VALUES (1)", _session);
        await _http.QueryAsync("SET max_threads = 3", _session);

        (await _http.QueryAsync("SELECT a, getSetting('max_threads') FROM mine", _session + "&session_check=1")).Should().Be("1\t3\n");
    }

    [Fact]
    public async Task A_requests_own_settings_hold_for_it_alone()
    {
        await _http.QueryAsync("SET max_threads = 3", _session);

        (await _http.QueryAsync("SELECT getSetting('max_threads'), getSetting('final'), currentDatabase()", _session +
            "&max_threads=5&final=0&database=system"))
            .Should().Be("5\tfalse\tsystem\n");
        (await _http.QueryAsync("SELECT getSetting('max_threads'), getSetting('final')", _session)).Should().Be("3\ttrue\n");
    }

    [Fact]
    public async Task A_session_that_must_exist_and_does_not_is_an_error() =>
        (await CodeAsync("SELECT 1", _session + "&session_check=1")).Should().Be("372");

    [Fact]
    public async Task A_session_ends_when_its_time_is_over()
    {
        await _http.QueryAsync("SELECT 1", _session + "&session_timeout=1");

        await Wait.UntilAsync(
            async () => await CodeAsync("SELECT 1", _session + "&session_check=1&session_timeout=0") == "372", "the session to end",
            TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_session_ends_with_the_request_that_closes_it()
    {
        await _http.QueryAsync("CREATE TEMPORARY TABLE mine (a Int32)", _session);

        (await _http.QueryAsync("SELECT count() FROM mine", _session + "&close_session=1")).Should().Be("0\n");

        (await CodeAsync("SELECT 1", _session + "&session_check=1")).Should().Be("372");
    }

    [Fact]
    public async Task Two_requests_at_once_in_one_session_are_one_too_many()
    {
        await _http.QueryAsync("SELECT 1", _session);
        var id = Guid.NewGuid().ToString("N");
        using var client = new CancellationTokenSource();
        var first = _http.PostAsync(
            new StringContent($"SELECT count() FROM system.numbers WHERE sipHash64(number) = 1 AND '{id}' != ''"), _session, client.Token);
        await Wait.UntilAsync(
            async () => await _http.QueryAsync(
                $"SELECT count() FROM system.processes WHERE query LIKE '%{id}%' AND query NOT LIKE '%system.processes%'") == "1\n",
            "the first to run", TestContext.Current.CancellationToken);

        (await CodeAsync("SELECT 1", _session)).Should().Be("373");

        await client.CancelAsync();
        await FluentActions.Awaiting(() => first).Should().ThrowAsync<OperationCanceledException>();
        await Wait.UntilAsync(
            async () => await CodeAsync("SELECT 1", _session) is null, "the session to be free", TestContext.Current.CancellationToken);
    }

    /// <summary>What stops an insert's query must not stop those that come after it.</summary>
    [Fact]
    public async Task A_session_goes_on_after_a_client_that_went_away_when_its_query_had_ended()
    {
        await _http.QueryAsync("CREATE TABLE t (a Int32) ENGINE = Memory", _session);
        const string insert = "INSERT INTO t SELECT 1 FROM input('a String') LIMIT 1 FORMAT TSV";
        using var client = new TcpClient();
        await client.ConnectAsync(_database.Address.Host, _database.Address.Port, Cancellation);
        var stream = client.GetStream();
        var login = $"database={_database.Name}&user={TestClickHouse.Username}&password={TestClickHouse.Password}";
        var settings = "max_block_size=1000&input_format_parallel_parsing=0";
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /?{login}&{_session}&{settings}&query={Uri.EscapeDataString(insert)} " +
            "HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n"), Cancellation);
        // As much as the server reads before it begins: so it waits for more when the query has ended, and does not see that.
        var rows = string.Concat(Enumerable.Repeat("1\n", 32_000)).PadLeft(64 * 1024 - insert.Length - 1, '1');
        await stream.WriteAsync(Encoding.ASCII.GetBytes(rows), Cancellation);
        await Wait.UntilAsync(async () => await _http.QueryAsync("SELECT count() FROM t") == "1\n", "the row", Cancellation);
        await Wait.UntilAsync(
            async () => await _http.QueryAsync(
                $"SELECT count() FROM system.processes WHERE current_database = '{_database.Name}' AND query ILIKE 'INSERT%'") == "0\n",
            "the insert's query to end", Cancellation);

        client.Client.LingerState = new LingerOption(true, 0); // a reset, as of a killed process
        client.Close();
        await Wait.UntilAsync(async () => await CodeAsync("SELECT 1", _session) is null, "the session to be free", Cancellation);

        (await _http.QueryAsync("SELECT count() FROM numbers(20) WHERE sleepEachRow(0.1) = 0", _session + "&max_block_size=1")).Should()
            .Be("20\n");
    }

    [Theory]
    [InlineData("session_timeout=soon")]
    [InlineData("session_timeout=3601")]
    public async Task A_timeout_that_cannot_be_is_an_error(string timeout) =>
        (await CodeAsync("SELECT 1", $"{_session}&{timeout}")).Should().Be("374");

    private async Task<string?> CodeAsync(string sql, string parameters)
    {
        using var response = await _http.PostAsync(sql, parameters);
        return response.Headers.TryGetValues("X-ClickHouse-Exception-Code", out var codes) ? codes.Single() : null;
    }
}
