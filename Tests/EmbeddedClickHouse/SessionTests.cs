using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.EmbeddedClickHouse;

public sealed class SessionTests(ClickHouseServer clickhouse) : IAsyncLifetime
{
    private readonly string _session = "session_id=" + Guid.NewGuid().ToString("N");
    private ClickHouseHttp _http = null!;

    public async ValueTask InitializeAsync() =>
        _http = new ClickHouseHttp(await clickhouse.CreateDatabaseAsync(TestContext.Current.CancellationToken));

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
