using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>Copies: the first one, interrupted ones, and those that replace a table while it streams.</summary>
public sealed class CopyTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rule_10_a_copy_by_ranges_of_a_table_that_changes_meanwhile()
    {
        await using var shop = await CreateAsync(20_000);
        await shop.ExecuteAsync("VACUUM orderitem", Cancel);
        var starting = shop.StartAsync(Cancel, "--Cdc:BatchChanges", "1000", "--Cdc:CopyReaders", "3");
        await Wait.UntilAsync(
            () => Task.FromResult(shop.Log.Lines.Any(line => line.Contains("Made replication slot"))), "the snapshot", Cancel);
        for (var i = 0; i < 50; i++)
            await shop.ExecuteAsync(
                $"UPDATE orderitem SET quantity = quantity + 1 WHERE id % 50 = {i}; DELETE FROM orderitem WHERE id % 500 = {i}; INSERT " +
                $"INTO orderitem (order_id, product_id, quantity, price) VALUES (1, 1, {i + 1}, 1)", Cancel);
        await starting;

        await shop.AssertStarEqualsJoinAsync(Cancel);
        // The snapshot lasted until all readers had it.
        shop.Log.Lines.Should().NotContain(line => line.Contains("The pipeline stopped") || line.Contains(" anew at "));
    }

    [Fact]
    public async Task Rule_10_an_interrupted_first_copy_keeps_its_slot_and_leaves_no_ghosts()
    {
        await using var shop = await CreateAsync(60_000);
        await shop.ExecuteAsync("ANALYZE orderitem", Cancel);
        var processor = await shop.StartAsync(Cancel, "--Cdc:CopyReaders", "1", "--Cdc:BatchChanges", "200", "--Cdc:CopyRowsPerSecond",
            "1000");
        await Wait.ForAsync(async () => int.Parse(await shop.QueryAsync("SELECT count() FROM orderitem_landing", Cancel)), count =>
            count > 0, "some rows to be copied", Cancel, TimeSpan.FromMinutes(2));
        await Wait.ForAsync(
            () => shop.QueryAsync("SELECT count() FROM cdc_progress WHERE kind = 'copy' AND startsWith(state, 'Done')", Cancel), done =>
            done == "3\n", "the smaller tables to be done", Cancel, TimeSpan.FromMinutes(2));
        using (var http = Client(processor))
            (await http.GetStringAsync("/operations/status", Cancel)).Should()
                .MatchRegex("\"source\":\"orderitem\"[^}]*\"secondsLeft\":[0-9.]+");
        await shop.StopAsync(processor);
        int.Parse(await shop.QueryAsync("SELECT count() FROM orderitem_landing", Cancel)).Should().BeLessThan(60_000);

        // What goes now was in the first snapshot, and the stream that says so begins after the slot's point.
        await shop.ExecuteAsync("DELETE FROM orderitem WHERE id < 100; DELETE FROM \"order\" WHERE id < 20", Cancel);
        var slot = await shop.Postgres.ScalarAsync<string>(
            $"SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = '{shop.Slot}'", Cancel);
        slot.Should().NotBeNull();

        await shop.StartStreamingAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.WaitUntilCopiedAsync(Cancel);
        shop.Log.Lines.Where(line => line.Contains("Made replication slot")).Should().ContainSingle();
        shop.Log.Lines.Should().ContainSingle(line => line.Contains(" anew at ")).Which.Should()
            .Contain("Copying orderitem anew", "what was copied whole is not read again");
    }

    [Theory]
    [InlineData(
        "UPDATE customer SET city = 'Thun' WHERE id % 7 = 0; DELETE FROM customer WHERE id % 5 = 0;"
        + "INSERT INTO customer (email, name, country, city) VALUES ('n', 'New', 'CH', 'Chur')", true)]
    [InlineData("UPDATE customer SET city = 'Thun' WHERE id % 7 = 0; VACUUM FULL customer", false)]
    public async Task An_interrupted_copy_goes_on_with_the_ranges_that_are_left_unless_the_table_was_rewritten(
        string meanwhile, bool goesOn)
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        // One row a page: three ranges of 64 MB.
        await shop.ExecuteAsync(
            """
            ALTER TABLE customer SET (fillfactor = 10);
            INSERT INTO customer (email, name, country, city)
                SELECT i || repeat('ü', 200), repeat('ü', 250), 'CH', 'Bern' FROM generate_series(1, 18000) i
            """, Cancel);
        var processor = await shop.StartStreamingAsync(
            Cancel, "--Cdc:CopyReaders", "1", "--Cdc:CopyRowsPerSecond", "4000", "--Cdc:BatchChanges", "1000");
        await Wait.ForAsync(
            () => shop.QueryAsync("SELECT state FROM cdc_progress WHERE kind = 'copy' AND name = 'customer'", Cancel), state =>
                state.StartsWith("Copying:0-8192 ", StringComparison.Ordinal),
            "the first range to be recorded", Cancel, TimeSpan.FromMinutes(2));
        await shop.StopAsync(processor);
        foreach (var statement in meanwhile.Split(';'))
            await shop.ExecuteAsync(statement, Cancel);

        await shop.StartStreamingAsync(Cancel);
        await shop.ExecuteAsync("UPDATE customer SET name = 'Later' WHERE id % 11 = 0", Cancel);
        await shop.WaitUntilCopiedAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, TimeSpan.FromMinutes(2));
        shop.Log.Lines.Any(line => line.Contains("Going on with the copy of customer: 1 of ", StringComparison.Ordinal)).Should()
            .Be(goesOn);
        var read = shop.Log.Lines.Where(line => line.Contains("Copied customer: ", StringComparison.Ordinal)).Should().ContainSingle()
            .Which;
        int.Parse(read.Split("Copied customer: ")[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture).Should()
            .BeInRange(goesOn ? 5000 : 18000, goesOn ? 12000 : 18000);
    }

    [Fact]
    public async Task Rules_4_and_13_resync_of_one_table_while_streaming_repairs_it_and_sweeps_what_has_vanished()
    {
        await using var shop = await CreateAsync(500);
        var processor = await shop.StartStreamingAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.WaitUntilCopiedAsync(Cancel);

        // Changes made while a publication lacks a table are lost without a word.
        await shop.ExecuteAsync($"ALTER PUBLICATION {Store.Publication} DROP TABLE orderitem", Cancel);
        await shop.ExecuteAsync(
            "UPDATE orderitem SET quantity = 1000 WHERE id % 3 = 0; DELETE FROM orderitem WHERE id % 3 = 1; INSERT INTO orderitem " +
            "(order_id, product_id, quantity, price) VALUES (1, 1, 5, 1)", Cancel);
        await shop.ExecuteAsync($"ALTER PUBLICATION {Store.Publication} ADD TABLE orderitem", Cancel);

        using var http = Client(processor);
        (await http.PostAsync("/operations/resync?table=orderitem", null, Cancel)).EnsureSuccessStatusCode();
        for (var i = 0; i < 30; i++)
            await shop.ExecuteAsync(
                $"UPDATE orderitem SET quantity = quantity + 1 WHERE id % 30 = {i}; DELETE FROM orderitem WHERE id = {(3 * i) + 2}",
                Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.WaitUntilCopiedAsync(Cancel);

        // What was swept comes back when it is made anew.
        await shop.ExecuteAsync(
            "INSERT INTO orderitem (id, order_id, product_id, quantity, price) VALUES (1, 1, 1, 7, 1), (4, 1, 1, 8, 1)", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    [Fact]
    public async Task Resync_all_starts_anew_and_repairs_a_lost_slot()
    {
        await using var shop = await CreateAsync(200);
        var processor = await shop.StartStreamingAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.WaitUntilCopiedAsync(Cancel);
        await shop.StopAsync(processor);

        await shop.DropSlotAsync(Cancel);
        await shop.ExecuteAsync("DELETE FROM orderitem WHERE id % 2 = 0; UPDATE customer SET city = 'Aarau'", Cancel);
        processor = await shop.StartAsync(Cancel);
        await shop.WaitForPhaseAsync(processor, Phase.ResyncRequired, Cancel);
        using var http = Client(processor);
        var health = await http.GetAsync("/ready", Cancel);
        ((int)health.StatusCode).Should().Be(503);
        (await health.Content.ReadAsStringAsync(Cancel)).Should().Contain("is gone").And.Contain("resync --all");

        (await http.PostAsync("/operations/resync?all=true", null, Cancel)).EnsureSuccessStatusCode();
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.WaitUntilCopiedAsync(Cancel);
        (await http.GetAsync("/ready", Cancel)).EnsureSuccessStatusCode();
    }

    [Fact]
    public async Task Rule_17_tables_filled_from_another_server_are_refused_until_resync_all()
    {
        await using var shop = await CreateAsync(20);
        var processor = await shop.StartStreamingAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.WaitUntilCopiedAsync(Cancel);
        await shop.StopAsync(processor);
        await shop.QueryAsync(
            "INSERT INTO cdc_progress SELECT kind, name, replaceRegexpOne(state, '\"Id\":\"[0-9]+', '\"Id\":\"42'), position, " +
            "updated_at, version + 1 FROM cdc_progress WHERE kind = 'source'", Cancel);
        await shop.QueryAsync(
            "INSERT INTO customer_dim (customer_id, customer_name, version) VALUES (4711, 'of another server', pow(2, 127))", Cancel);

        processor = await shop.StartAsync(Cancel);
        await shop.WaitForPhaseAsync(processor, Phase.ResyncRequired, Cancel);
        shop.Log.ToString().Should().Contain("filled from postgresql 42/").And.Contain("resync --all");

        using var http = Client(processor);
        (await http.PostAsync("/operations/resync?all=true", null, Cancel)).EnsureSuccessStatusCode();
        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    [Fact]
    public async Task Rule_17_a_position_beyond_the_servers_wal_is_refused()
    {
        await using var shop = await CreateAsync(20);
        var processor = await shop.StartStreamingAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.WaitUntilCopiedAsync(Cancel);
        await shop.StopAsync(processor);
        await shop.QueryAsync(
            "INSERT INTO cdc_progress VALUES ('position', '-1', '', 9000000000000000000, now64(6), 9000000000000000000)", Cancel);

        processor = await shop.StartAsync(Cancel);
        await shop.WaitForPhaseAsync(processor, Phase.ResyncRequired, Cancel);

        shop.Log.ToString().Should().Contain("this server's WAL ends at").And.Contain("resync --all");
    }

    [Fact]
    public async Task A_table_that_postgresql_refuses_to_read_holds_up_no_other_copy_and_no_change()
    {
        await using var shop = await CreateAsync(200);
        var role = "cdc_" + Guid.NewGuid().ToString("N")[..8];
        await shop.ExecuteAsync(
            $"CREATE ROLE {role} LOGIN REPLICATION PASSWORD 'secret'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}", Cancel);
        string[] asRole = [
            "--ConnectionStrings:shop",
            new NpgsqlConnectionStringBuilder(shop.Postgres.ConnectionString) { Username = role, Password = "secret" }.ConnectionString];
        var processor = await shop.StartCopiedAsync(Cancel, asRole);

        await shop.ExecuteAsync($"REVOKE SELECT ON orderitem FROM {role}", Cancel);
        using (var http = Client(processor))
            (await http.PostAsync("/operations/resync?table=orderitem&table=customer", null, Cancel)).EnsureSuccessStatusCode();
        await ExpectAsync(processor);
        await shop.StopAsync(processor);
        processor = await shop.StartStreamingAsync(Cancel, asRole);
        await ExpectAsync(processor);

        await shop.StopAsync(processor);
        await shop.ExecuteAsync($"GRANT SELECT ON orderitem TO {role}", Cancel);
        processor = await shop.StartCopiedAsync(Cancel, asRole);
        await shop.AssertStarEqualsJoinAsync(Cancel, TimeSpan.FromMinutes(2));
        await SchemaShop.WaitForReadyAsync(processor, ready => ready == "200 {\"status\":\"ok\"}", shop, Cancel);

        async Task ExpectAsync(WebApplication streaming)
        {
            await SchemaShop.WaitForReadyAsync(
                streaming, ready => ready.StartsWith("200", StringComparison.Ordinal)
                    && ready.Contains("orderitem could not be copied (permission denied for table orderitem)", StringComparison.Ordinal)
                    && ready.Contains("lacks SELECT on orderitem: GRANT SELECT ON", StringComparison.Ordinal), shop, Cancel);
            await shop.ExecuteAsync("UPDATE orderitem SET quantity = quantity + 1; UPDATE customer SET city = city || 'x'", Cancel);
            await shop.AssertStarEqualsJoinAsync(Cancel, TimeSpan.FromMinutes(2));
            await Wait.ForAsync(
                () => shop.QueryAsync("SELECT count() FROM cdc_progress WHERE kind = 'copy' AND startsWith(state, 'Done')", Cancel), done =>
                    done == "3\n", "the other tables to be done", Cancel, TimeSpan.FromMinutes(2));
        }
    }

    private async Task<Store> CreateAsync(int items)
    {
        var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync(
            $"""
            INSERT INTO customer (email, name, country, city) SELECT 'c' || i || '@x.org', 'Customer ' || i, 'CH', 'Bern'
                FROM generate_series(1, 100) i;
            INSERT INTO product (name, category, price) SELECT 'Product ' || i, 'Tools', i + 0.99 FROM generate_series(1, 30) i;
            INSERT INTO "order" (customer_id, total) SELECT 1 + i % 100, i FROM generate_series(1, 1000) i;
            INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT 1 + i % 1000, 1 + i % 30, i, 2.50
                FROM generate_series(1, {items}) i;
            """, Cancel);
        return shop;
    }

    private static HttpClient Client(WebApplication processor) => new() { BaseAddress = new Uri(processor.Urls.First()) };
}
