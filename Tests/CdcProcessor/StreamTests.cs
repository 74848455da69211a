using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>What PostgreSQL does to rows while the processor streams.</summary>
public sealed class StreamTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private const string Rows = """
        INSERT INTO customer (email, name, country, city) SELECT 'c' || i || '@x.org', 'Customer ' || i, 'CH', 'Bern'
            FROM generate_series(1, 5) i;
        INSERT INTO product (name, category, price) SELECT 'Product ' || i, 'Tools', i + 0.99 FROM generate_series(1, 3) i;
        INSERT INTO "order" (customer_id, total) SELECT 1 + i % 5, i FROM generate_series(1, 10) i;
        INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT 1 + i % 10, 1 + i % 3, i, 2.50 FROM generate_series(1, 20) i;
        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rule_1_an_insert_that_waited_for_anothers_delete_of_its_key_stays()
    {
        await using var shop = await StartAsync();
        await using var first = await OpenAsync(shop);
        await using var second = await OpenAsync(shop);

        await ExecuteAsync(
            first, "BEGIN; INSERT INTO customer (id, email, name, country, city) VALUES (100, 'first@x.org', 'First', 'CH', 'Bern')");
        // Its heap record is written before it waits, so it has the lower LSN and commits later.
        var waiting = ExecuteAsync(
            second, "INSERT INTO customer (id, email, name, country, city) VALUES (100, 'second@x.org', 'Second', 'CH', 'Bern')");
        await Wait.UntilAsync(
            async () =>
                await shop.Postgres.ScalarAsync<long>("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'",
                    Cancel) > 0, "the insert to wait", Cancel);
        await ExecuteAsync(first, "DELETE FROM customer WHERE id = 100; COMMIT");
        await waiting;

        await shop.AssertStarEqualsJoinAsync(Cancel);
        (await shop.QueryAsync("SELECT customer_name FROM customer_dim WHERE customer_id = 100", Cancel)).Should().Be("Second\n");
    }

    /// <summary>PostgreSQL lets every role write messages into the WAL.</summary>
    [Fact]
    public async Task Messages_that_somebody_else_writes_under_the_processors_prefixes_change_nothing()
    {
        await using var shop = await StartAsync();
        string[] markers =
        [
            "'x'", "'[null]'", "'null'",
            """'[{"Table":"customer","Version":1,"Key":["1","2"]}]'""",
            """'[{"Table":"customer","Version":340282366920938463463374607431768211455,"Key":null}]'""",
            // As late as may be: the end of a copy that never was.
            """format('[{"Table":"customer","Version":%s,"Key":null}]', (pg_current_wal_lsn() - '0/0') * 18446744073709551616)""",
        ];
        foreach (var marker in markers)
            await shop.ExecuteAsync($"SELECT pg_logical_emit_message(false, 'aspirecdc:{shop.Slot}', {marker})", Cancel);
        foreach (var schema in (string[])["x", "null", "[]"])
            await shop.ExecuteAsync($"SELECT pg_logical_emit_message(true, 'aspirecdc:schema', '{schema}')", Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Genf' WHERE id = 1", Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel);
        (await shop.QueryAsync("SELECT count() FROM customer_dim FINAL", Cancel)).Should().Be("5\n");
        shop.Log.Lines.Should().Contain(line => line.Contains("somebody else writes messages with the prefix aspirecdc:schema"));
    }

    [Fact]
    public async Task Rule_7_update_of_a_primary_key_moves_the_row_and_its_facts()
    {
        await using var shop = await StartAsync();

        await shop.ExecuteAsync("INSERT INTO product (name, category, price) VALUES ('Lone', 'Tools', 1)", Cancel);
        await shop.ExecuteAsync("UPDATE product SET id = 500 WHERE name = 'Lone'", Cancel);
        await shop.ExecuteAsync("UPDATE orderitem SET id = id + 1000 WHERE order_id = 2", Cancel);
        // A swap by way of a third key.
        await shop.ExecuteAsync(
            "UPDATE orderitem SET id = -1 WHERE id = 2; UPDATE orderitem SET id = 2 WHERE id = 3; " +
            "UPDATE orderitem SET id = 3 WHERE id = -1", Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    [Fact]
    public async Task Rolled_back_transactions_and_savepoints_leave_nothing()
    {
        await using var shop = await StartAsync();
        await using var connection = await OpenAsync(shop);

        await ExecuteAsync(connection, "BEGIN; UPDATE customer SET city = 'Nowhere'; DELETE FROM orderitem; ROLLBACK");
        await ExecuteAsync(connection,
            """
            BEGIN; UPDATE customer SET city = 'Basel' WHERE id = 1; SAVEPOINT a; UPDATE customer SET city = 'Nowhere'; ROLLBACK TO a;
            UPDATE customer SET city = 'Genf' WHERE id = 2; SAVEPOINT b; UPDATE customer SET city = 'Chur' WHERE id = 3; RELEASE b; COMMIT
            """);

        await shop.AssertStarEqualsJoinAsync(Cancel);
        (await shop.QueryAsync("SELECT groupArray(city) FROM (SELECT city FROM customer_dim ORDER BY customer_id)", Cancel)).Should()
            .Be("['Basel','Genf','Chur','Bern','Bern']\n");
    }

    [Theory]
    [InlineData("TRUNCATE orderitem")]
    [InlineData("TRUNCATE customer CASCADE")]
    [InlineData("TRUNCATE customer, product, \"order\", orderitem")]
    [InlineData(
        "BEGIN; UPDATE orderitem SET quantity = 9; TRUNCATE orderitem; INSERT INTO orderitem (id, order_id, product_id, quantity, " +
        "price) VALUES (1, 1, 1, 77, 1); COMMIT")]
    [InlineData("BEGIN; TRUNCATE \"order\" CASCADE; ROLLBACK")]
    public async Task Rule_6_truncate(string statement)
    {
        await using var shop = await StartAsync();

        await shop.ExecuteAsync(statement, Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);

        await shop.ExecuteAsync(
            "INSERT INTO customer (id, email, name, country, city) VALUES (50, 'late@x.org', 'Late', 'CH', 'Bern'); INSERT INTO " +
            "\"order\" (id, customer_id, total) VALUES (50, 50, 1)", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    [Fact]
    public async Task Rule_5_deletes_cascade_to_facts_and_leave_nothing_but_keys()
    {
        await using var shop = await StartAsync();

        await shop.ExecuteAsync("DELETE FROM customer WHERE id = 3", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);

        (await shop.QueryAsync(
            """
            SELECT customer_name, customer_email, country, city, toUnixTimestamp64Micro(created_at) FROM customer_dim WHERE customer_id = 3
                ORDER BY version DESC LIMIT 1 SETTINGS final = 0
            """, Cancel)).Should().Be("\t\t\t\t0\n");
        (await shop.QueryAsync(
            "SELECT customer_id, customer_name, city, total FROM order_fact WHERE order_id = 2 ORDER " +
            "BY version DESC LIMIT 1 SETTINGS final = 0", Cancel))
            .Should().Be("0\t\t\t0\n");
    }

    [Fact]
    public async Task Multi_row_statements_and_copy()
    {
        await using var shop = await StartAsync();
        await using var connection = await OpenAsync(shop);
        await using (var copy =
            await connection.BeginTextImportAsync("COPY orderitem (order_id, product_id, quantity, price) FROM STDIN", Cancel))
        {
            for (var i = 0; i < 5000; i++)
                await copy.WriteLineAsync($"{1 + (i % 10)}\t{1 + (i % 3)}\t{i + 1}\t1.25");
        }
        await shop.ExecuteAsync(
            "UPDATE orderitem SET quantity = quantity + 1 WHERE id % 2 = 0; DELETE FROM orderitem WHERE id % 7 = 0", Cancel);
        await shop.ExecuteAsync(
            "INSERT INTO customer (id, email, name, country, city) VALUES (1, 'c1@x.org', 'Again', 'CH', 'Bern') ON " +
            "CONFLICT (id) DO UPDATE SET name = excluded.name", Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    [Fact]
    public async Task A_transaction_larger_than_a_batch_arrives_in_parts()
    {
        await using var shop = await StartAsync("--Cdc:BatchChanges", "100");

        await shop.ExecuteAsync(
            """
            BEGIN; INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT 1 + i % 10, 1 + i % 3, i, 2.50
                FROM generate_series(1, 2000) i;
            UPDATE "order" SET status = 'sent'; UPDATE orderitem SET quantity = quantity + 1; DELETE FROM orderitem WHERE id % 3 = 0; COMMIT
            """, Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    [Fact]
    public async Task Rule_8_unchanged_toast_values_are_read_from_postgresql()
    {
        await using var shop = await StartAsync();
        // A row of more than 2 kB, twice 255 characters of four bytes each, is stored out of line.
        await shop.ExecuteAsync(
            """
            ALTER TABLE customer ALTER COLUMN name SET STORAGE EXTERNAL;
            ALTER TABLE customer SET (toast_tuple_target = 128);
            UPDATE customer SET name = (SELECT string_agg(chr(x'1F600'::int + (i * id)::int % 60), '') FROM generate_series(1, 255) i),
                email = id || repeat('😀', 250)
            """, Cancel);
        (await shop.Postgres.ScalarAsync<long>("SELECT count(*) FROM customer WHERE pg_column_toast_chunk_id(name) IS NOT NULL", Cancel))
            .Should().Be(5);

        await shop.ExecuteAsync("UPDATE customer SET city = 'Thun'", Cancel);
        // The key changes with it; the row is gone before its update is read; it changes once more before that.
        await shop.ExecuteAsync(
            "INSERT INTO customer (id, email, name, country, city) SELECT 200 + id, 't' || id || " +
            "'@x.org', name, country, city FROM customer", Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Visp', id = id + 100 WHERE id > 200", Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Brig' WHERE id = 301; DELETE FROM customer WHERE id = 301", Cancel);
        await shop.ExecuteAsync(
            "UPDATE customer SET city = 'Sion' WHERE id = 302; UPDATE customer SET id = 402 WHERE id = 302; UPDATE " +
            "customer SET name = 'short' WHERE id = 402", Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel);
        (await shop.QueryAsync("SELECT count() FROM customer_dim WHERE lengthUTF8(customer_name) = 255", Cancel)).Should().Be("8\n");
        (await shop.QueryAsync("SELECT count() FROM cdc_dead_letter", Cancel)).Should()
            .Be("0\n", "what was gone is a delete, and no change that cannot be applied");
    }

    [Fact]
    public async Task Rule_8_with_full_replica_identity_unchanged_toast_values_come_from_the_old_row_and_no_key_is_deleted()
    {
        await using var shop = await StartAsync();
        await shop.ExecuteAsync(
            """
            ALTER TABLE customer REPLICA IDENTITY FULL; ALTER TABLE customer ALTER COLUMN name SET STORAGE EXTERNAL; ALTER TABLE customer
                SET (toast_tuple_target = 128);
            UPDATE customer SET name = repeat('😀', 255), email = id || repeat('😀', 250);
            """, Cancel);
        (await shop.Postgres.ScalarAsync<long>("SELECT count(*) FROM customer WHERE pg_column_toast_chunk_id(name) IS NOT NULL", Cancel))
            .Should().Be(5);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Thun'", Cancel);
        await shop.ExecuteAsync(
            "INSERT INTO customer (id, email, name, country, city) SELECT 901, 'k@x.org', name, country, city FROM customer WHERE id = " +
            "5; UPDATE customer SET id = 900 WHERE id = 901", Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel);
        (await shop.QueryAsync("SELECT count() FROM customer_dim WHERE is_deleted = 1 AND customer_id != 901 SETTINGS final = 0", Cancel))
            .Should().Be("0\n");
    }

    [Fact]
    public async Task Columns_outside_the_mapping_that_are_added_dropped_and_renamed_while_streaming()
    {
        await using var shop = await StartAsync();

        await shop.ExecuteAsync(
            "ALTER TABLE customer ADD COLUMN nickname text; UPDATE customer SET nickname = 'x', city = 'Davos' WHERE id = 1", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.ExecuteAsync("ALTER TABLE customer DROP COLUMN nickname; UPDATE customer SET city = 'Arosa' WHERE id = 2", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.ExecuteAsync(
            "ALTER TABLE customer ADD COLUMN alias text; ALTER TABLE customer RENAME COLUMN alias TO other; UPDATE customer " +
            "SET other = 'y', city = 'Chur' WHERE id = 3", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        shop.Log.Lines.Where(line => line.Contains("customer.nickname is not in the mapping")).Should().ContainSingle();
        shop.Log.Lines.Where(line => line.Contains("customer.other is not in the mapping")).Should().ContainSingle();
    }

    [Fact]
    public async Task Tables_outside_the_mapping_pass_by()
    {
        await using var shop = await StartAsync();

        await shop.ExecuteAsync(
            $"CREATE TABLE note (id int PRIMARY KEY, text text); ALTER PUBLICATION {Store.Publication} ADD TABLE note; INSERT " +
            "INTO note VALUES (1, 'x'); TRUNCATE note", Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Olten' WHERE id = 1", Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel);
        shop.Log.Lines.Where(line => line.Contains("public.note is published and not in the mapping")).Should().ContainSingle();
    }

    [Fact]
    public async Task Rule_14_quiet_tables_on_a_busy_server_let_the_slot_advance()
    {
        await using var shop = await StartAsync();
        await shop.ExecuteAsync("CREATE TABLE busy (id int); INSERT INTO busy SELECT generate_series(1, 1000)", Cancel);
        var end = await shop.Postgres.ScalarAsync<string>("SELECT pg_current_wal_lsn()::text", Cancel);

        await Wait.UntilAsync(
            async () => await shop.Postgres.ScalarAsync<bool>(
                $"SELECT confirmed_flush_lsn >= '{end}' FROM pg_replication_slots WHERE slot_name = '{shop.Slot}'", Cancel),
            "the slot to pass by WAL that has nothing for it", Cancel);
    }

    private async Task<Store> StartAsync(params string[] settings)
    {
        var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync(Rows, Cancel);
        await shop.StartStreamingAsync(Cancel, settings);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        return shop;
    }

    private static async Task<NpgsqlConnection> OpenAsync(Store shop)
    {
        var connection = new NpgsqlConnection(shop.Postgres.ConnectionString);
        await connection.OpenAsync(Cancel);
        return connection;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Cancel);
    }
}
