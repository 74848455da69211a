using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.Embedded;

public sealed class EmbeddedPostgresTests(PostgresServer shared)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Writes_the_log_that_logical_replication_needs()
    {
        var database = await shared.CreateDatabaseAsync(Cancel);
        (await database.ScalarAsync<string>("SHOW wal_level", Cancel)).Should().Be("logical");
    }

    [Fact]
    public async Task Keeps_what_was_committed_over_a_crash_and_ignores_the_stale_pid_file()
    {
        await using var server = await PostgresServer.StartOwnAsync(Cancel);
        var database = new TestDatabase("shop", server.ConnectionString);
        await database.ExecuteAsync("CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)", Cancel);

        await server.KillAsync();
        NpgsqlConnection.ClearAllPools();
        await server.StartAsync(Cancel);

        (await database.ScalarAsync<int>("SELECT id FROM kept", Cancel)).Should().Be(7);
    }
}
