using AspireCdc.AppHost.Embedded;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>Transactions that are too large for the server's memory, and come before they end.</summary>
public sealed class OpenTransactionTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private const string ManyItems =
        "INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT 1 + i % 10, 1, 1 + i % 7, 2.50 " +
        "FROM generate_series(1, 5000) i";

    private static readonly TimeSpan Long = TimeSpan.FromMinutes(3);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task They_count_from_their_commit_on_without_what_was_rolled_back_and_hold_nobody_up_before()
    {
        await using var shop = await CreateAsync();
        await shop.StartFollowingAsync(Cancel);
        await using var open = await BeginAsync(shop, $"{ManyItems}; UPDATE product SET name = 'changed'");
        await ExecuteAsync(
            open,
            $"""
            SAVEPOINT a; {ManyItems}; UPDATE "order" SET total = 1; SAVEPOINT b; {ManyItems}; RELEASE b; ROLLBACK TO a;
            SAVEPOINT c; UPDATE orderitem SET quantity = quantity + 1 WHERE id <= 3000; RELEASE c
            """);
        await using var other = await BeginAsync(
            shop, "INSERT INTO product (name, category, price) SELECT 'never', 'x', i FROM generate_series(1, 3000) i");

        await WaitUntilSentAsync(shop, transactions: 2);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Genf' WHERE id = 1", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        (await shop.QueryAsync("SELECT count() FROM orderitem_fact", Cancel)).Should().Be("20\n");

        await ExecuteAsync(open, "COMMIT");
        (await shop.Postgres.ScalarAsync<long>("SELECT count(*) FROM orderitem", Cancel)).Should().Be(5020);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        (await shop.QueryAsync("SELECT count() FROM orderitem_fact", Cancel)).Should().Be("5020\n");
        await ExecuteAsync(other, "ROLLBACK");
        await shop.ExecuteAsync("DELETE FROM orderitem WHERE id % 2 = 0", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        shop.Log.Lines.Should().NotContain(line => line.Contains("The pipeline stopped"));
    }

    [Fact]
    public async Task A_processor_that_is_killed_meanwhile_gets_them_once_more()
    {
        await using var shop = await CreateAsync();
        var processor = await shop.StartFollowingAsync(Cancel);
        await using var open = await BeginAsync(shop, ManyItems);
        await WaitUntilSentAsync(shop, transactions: 1);
        // All that was committed until now is acknowledged, and the transaction began before that.
        await shop.ExecuteAsync("UPDATE customer SET city = 'Genf' WHERE id = 1", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.StopAsync(processor);

        await ExecuteAsync(open, "UPDATE orderitem SET quantity = 9 WHERE id % 3 = 0; COMMIT");
        await shop.StartAsync(Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel);
        (await shop.QueryAsync("SELECT count() FROM orderitem_fact", Cancel)).Should().Be("5020\n");
    }

    [Fact]
    public async Task Where_they_find_no_room_the_server_keeps_them()
    {
        using var disk = SmallDisk.Mount(megabytes: 4);
        await using var shop = await CreateAsync();
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        await using var processor = GuardedProcess.Start(
            ["dotnet", Repository.ProgramOf("CdcProcessor"), .. shop.Arguments],
            new Dictionary<string, string> { ["TMPDIR"] = disk.Path, ["DOTNET_EnableDiagnostics"] = "0" }, line => shop.Log.Add(line));
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);

        await shop.ExecuteAsync(
            "INSERT INTO customer (email, name, country, city) SELECT 'n' || i, repeat('n', 250), 'CH', 'Bern' " +
            "FROM generate_series(1, 20000) i", Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        shop.Log.Lines.Should().Contain(line => line.Contains(
            $"A transaction that is still open could not be kept in {disk.Path}", StringComparison.Ordinal));
        Directory.EnumerateFiles(disk.Path).Should().BeEmpty();
    }

    /// <summary>A server with hardly any memory for transactions.</summary>
    private async Task<Store> CreateAsync()
    {
        var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync($"ALTER DATABASE {shop.Postgres.Name} SET logical_decoding_work_mem = '64kB'", Cancel);
        return shop;
    }

    private static async Task<NpgsqlConnection> BeginAsync(Store shop, string sql)
    {
        var connection = new NpgsqlConnection(shop.Postgres.ConnectionString);
        await connection.OpenAsync(Cancel);
        await ExecuteAsync(connection, "BEGIN; " + sql);
        return connection;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Cancel);
    }

    /// <summary>The server sends all that an open transaction has done so far, but for the last few rows.</summary>
    private static async Task WaitUntilSentAsync(Store shop, int transactions)
    {
        var end = await shop.Postgres.ScalarAsync<string>("SELECT pg_current_wal_insert_lsn()::text", Cancel);
        await Wait.UntilAsync(
            async () => await shop.Postgres.ScalarAsync<bool>(
                $"""
                SELECT s.stream_txns >= {transactions} AND r.sent_lsn >= '{end}'
                FROM pg_stat_replication_slots s JOIN pg_replication_slots p USING (slot_name)
                    JOIN pg_stat_replication r ON r.pid = p.active_pid
                WHERE s.slot_name = '{shop.Slot}'
                """, Cancel),
            $"{transactions} open transactions to be sent; log:\n{shop.Log}\n", Cancel, Long);
    }
}
