using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.EmbeddedClickHouse;

/// <summary>A query's id is the one that its client gave it, wherever ClickHouse shows or takes one.</summary>
public sealed class QueryIdTests(ClickHouseServer clickhouse) : IAsyncLifetime
{
    private readonly string _id = "it's " + Guid.NewGuid().ToString("N");
    private ClickHouseHttp _http = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Parameter => "query_id=" + Uri.EscapeDataString(_id);

    private string Quoted => $"'{_id.Replace("'", "\\'")}'";

    public async ValueTask InitializeAsync() => _http = new ClickHouseHttp(await clickhouse.CreateDatabaseAsync(Cancellation));

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_query_is_found_by_it_and_killed()
    {
        var query =
            _http.PostAsync("SELECT count() FROM system.numbers WHERE sipHash64(number) = 1 SETTINGS log_comment = 'mine'", Parameter);
        await RunsAsync();

        await _http.QueryAsync($"KILL QUERY WHERE query_id = {Quoted} SYNC");

        using var response = await query;
        response.Headers.GetValues("X-ClickHouse-Exception-Code").Should().Equal("394");
        response.Headers.GetValues("X-ClickHouse-Query-Id").Should().Equal(_id);
        (await CountAsync()).Should().Be("0\n");
    }

    [Fact]
    public async Task A_second_query_of_a_running_ones_id_is_refused_or_takes_its_place()
    {
        var first = _http.PostAsync("SELECT count() FROM system.numbers WHERE sipHash64(number) = 1", Parameter);
        await RunsAsync();

        using var second = await _http.PostAsync("SELECT 2", Parameter);
        second.Headers.GetValues("X-ClickHouse-Exception-Code").Should().Equal("216");
        (await second.Content.ReadAsStringAsync(Cancellation)).Should().Contain($"Query with id = {_id} is already running.");

        (await _http.QueryAsync("SELECT 3", Parameter + "&replace_running_query=1")).Should().Be("3\n");
        (await first).Headers.GetValues("X-ClickHouse-Exception-Code").Should().Equal("394");
        (await _http.QueryAsync("SELECT 4", Parameter)).Should().Be("4\n");
    }

    [Theory]
    [InlineData("SELECT count() FROM system.processes WHERE query_id = queryID()")]
    [InlineData("SELECT count() FROM system.processes AS p WHERE p.query_id = queryID()")]
    [InlineData("SELECT count() FROM system.processes p JOIN system.one ON 1 WHERE p.initial_query_id = queryID()")]
    [InlineData(
        "SELECT count() FROM system.one, system.processes WHERE query LIKE '%system.processes%' AND " +
        "current_database = currentDatabase() LIMIT 1")]
    [InlineData("SELECT 1 FROM system.processes WHERE processes.query_id = queryID()")]
    public async Task A_query_sees_itself(string sql) => (await _http.QueryAsync(sql, Parameter)).Should().Be("1\n");

    private Task RunsAsync() => Wait.UntilAsync(async () => await CountAsync() == "1\n", "the query to run", Cancellation);

    private Task<string> CountAsync() => _http.QueryAsync($"SELECT count() FROM system.processes WHERE query_id = {Quoted}");
}
