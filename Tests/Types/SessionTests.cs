using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.Types;

/// <summary>
/// What server, database and role say about a session, tables with keys of uncommon types and computed columns, and encodings, on real
/// servers.
/// </summary>
public sealed class SessionTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Settings_of_database_and_role_change_no_value_and_end_no_copy()
    {
        await using var store = await CreateAsync(
            "CREATE TABLE odd (id int PRIMARY KEY, at timestamptz, d date, i interval, b bytea, f double precision, m money, filler " +
            "text STORAGE PLAIN) WITH (toast_tuple_target = 128); ALTER TABLE odd ALTER b SET STORAGE EXTERNAL",
            "odd");
        var database = store.Postgres.Name;
        var role = "odd_" + Guid.NewGuid().ToString("N")[..8];
        await store.ExecuteAsync(
            $"""
            ALTER DATABASE {database} SET bytea_output = 'escape'; ALTER DATABASE {database}
                SET extra_float_digits = 0; ALTER DATABASE {database} SET "TimeZone" = 'Asia/Kolkata';
            ALTER DATABASE {database} SET "DateStyle" = 'German'; ALTER DATABASE {database} SET "IntervalStyle" = 'iso_8601';
            CREATE ROLE {role} LOGIN SUPERUSER REPLICATION PASSWORD 'odd';
            ALTER ROLE {role} SET statement_timeout = '1s'; ALTER ROLE {role}
                SET idle_in_transaction_session_timeout = '1s'; ALTER ROLE {role} SET lock_timeout = '100ms';
            ALTER ROLE {role} SET idle_session_timeout = '1s'; ALTER ROLE {role} SET "TimeZone" = 'America/New_York';
            INSERT INTO odd SELECT 1, '2026-01-02 03:04:05.678901+00', '2026-01-02', '1 day 02:03:04', decode(repeat('00ff5c', 50), 'hex'),
                0.30000000000000004, 1234.5, repeat('x', 300);
            """, Cancel);
        var owner = store.Postgres;
        store.Postgres = owner with
        {
            ConnectionString =
            new NpgsqlConnectionStringBuilder(store.Postgres.ConnectionString) { Username = role, Password = "odd" }.ConnectionString
        };

        await store.StartStreamingAsync(Cancel);
        const string shown =
            "SELECT id, toString(at), toString(d), i, lower(hex(b)) = repeat('00ff5c', 50), f, m FROM odd FINAL ORDER BY id";
        const string row = "2026-01-02 03:04:05.678901\t2026-01-02\t1 day 02:03:04\t1\t0.30000000000000004\t$1,234.50\n";
        await WaitAsync(store, shown, "1\t" + row);
        await owner.ExecuteAsync("INSERT INTO odd SELECT 2, at, d, i, b, f, m, filler FROM odd", Cancel);
        await WaitAsync(store, shown, $"1\t{row}2\t{row}");
        await owner.ExecuteAsync("UPDATE odd SET filler = repeat('y', 300)", Cancel);
        await WaitAsync(store, "SELECT count() FROM odd FINAL WHERE filler LIKE 'y%'", "2\n");
        (await store.QueryAsync(shown, Cancel)).Should().Be($"1\t{row}2\t{row}", "a value that was read again is the one that came");
        store.Postgres = owner;
    }

    [Fact]
    public async Task Keys_are_looked_up_in_their_whole_type()
    {
        await using var store =
            await CreateAsync("CREATE TABLE item (sku char(8) PRIMARY KEY, price numeric(12,2), descr text STORAGE EXTERNAL)", "item");
        await store.ExecuteAsync("INSERT INTO item VALUES ('AB-1', 1.50, repeat('d', 9000))", Cancel);
        await store.StartStreamingAsync(Cancel);
        await WaitAsync(store, "SELECT sku, price, length(descr) FROM item FINAL", "AB-1    \t1.5\t9000\n");

        await store.ExecuteAsync("UPDATE item SET price = price + 1", Cancel);
        await WaitAsync(store, "SELECT sku, price, length(descr) FROM item FINAL", "AB-1    \t2.5\t9000\n");
    }

    [Fact]
    public async Task A_copy_keeps_the_last_good_row_of_a_dead_letter_whatever_its_keys_type()
    {
        await using var store =
            await CreateAsync(
                "CREATE TABLE meas (device char(4), at timestamptz, factor numeric(6,3), v numeric(4,1), PRIMARY KEY (device, at, factor))",
                "meas");
        await store.ExecuteAsync(
            "INSERT INTO meas VALUES ('a,\"', '2026-01-02 03:04:05.5+05:30', 1.500, 1.0), ('b', '2026-01-02 03:04:05+00', 2, 2.0)", Cancel);
        var processor = await store.StartStreamingAsync(Cancel);
        await WaitAsync(store, "SELECT count() FROM meas FINAL", "2\n");
        await store.ExecuteAsync("UPDATE meas SET v = 'NaN' WHERE device = 'a,\"'", Cancel);
        await WaitAsync(store, "SELECT count() FROM cdc_dead_letter WHERE state = 'open'", "1\n");

        using var http = new HttpClient { BaseAddress = new Uri(processor.Urls.First()) };
        await store.ExecuteAsync("DELETE FROM meas WHERE device = 'b'", Cancel);
        (await http.PostAsync("/operations/resync?table=meas", null, Cancel)).EnsureSuccessStatusCode();
        await WaitAsync(store, "SELECT count() FROM cdc_dead_letter FINAL WHERE state = 'open' AND operation = 'read'", "1\n");
        await WaitAsync(store, "SELECT countIf(startsWith(state, 'Done')) FROM cdc_progress FINAL WHERE kind = 'copy'", "1\n");
        (await store.QueryAsync("SELECT device, at, factor, v FROM meas FINAL", Cancel)).Should()
            .Be("a,\" \t2026-01-01 21:34:05.500000\t1.5\t1\n");
    }

    [Fact]
    public async Task A_computed_column_is_copied_as_it_is_streamed()
    {
        await using var store = await CreateAsync(
            "CREATE TABLE bill (id int PRIMARY KEY, net numeric(9,2), gross numeric(9,2) GENERATED ALWAYS AS (net * 2) STORED)", "bill");
        await store.ExecuteAsync(
            $"INSERT INTO bill VALUES (1, 1.25); ALTER PUBLICATION {Store.Publication} SET (publish_generated_columns = stored)", Cancel);
        await store.StartStreamingAsync(Cancel);
        await WaitAsync(store, "SELECT id, gross FROM bill FINAL ORDER BY id", "1\t2.5\n");
        await store.ExecuteAsync("INSERT INTO bill VALUES (2, 3.5)", Cancel);
        await WaitAsync(store, "SELECT id, gross FROM bill FINAL ORDER BY id", "1\t2.5\n2\t7\n");
    }

    [Theory]
    [InlineData(
        "", "bill.gross is generated, and publication 'redpanda_cdc_publication' does not send it: ALTER PUBLICATION " +
            "\"redpanda_cdc_publication\" SET (publish_generated_columns = stored)")]
    [InlineData("(id, gross)", "bill.net is left out by the column list of publication 'redpanda_cdc_publication'")]
    public async Task A_column_that_is_not_sent_is_refused_at_start(string columns, string sentence)
    {
        await using var store = await CreateAsync(
            "CREATE TABLE bill (id int PRIMARY KEY, net numeric(9,2), gross numeric(9,2) GENERATED ALWAYS AS (net * 2) STORED)", "bill");
        await store.ExecuteAsync($"ALTER PUBLICATION {Store.Publication} SET TABLE bill {columns}", Cancel);
        await store.StartAsync(Cancel);
        await Wait.ForAsync(
            () => Task.FromResult(store.Log.ToString()), log => log.Contains(sentence), $"the sentence '{sentence}'", Cancel);
    }

    [Fact]
    public async Task An_encoding_other_than_UTF8_is_refused_at_start()
    {
        await using var store = await CreateAsync("CREATE TABLE t (id int PRIMARY KEY, v text)", "t");
        var name = store.Postgres.Name + "_ascii";
        await store.ExecuteAsync($"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'", Cancel);
        store.Postgres =
            new TestDatabase(name, new NpgsqlConnectionStringBuilder(store.Postgres.ConnectionString) { Database = name }.ConnectionString);
        await store.ExecuteAsync(
            $"CREATE TABLE t (id int PRIMARY KEY, v text); CREATE PUBLICATION {Store.Publication} FOR TABLE t", Cancel);
        await store.StartAsync(Cancel);
        await Wait.ForAsync(() => Task.FromResult(store.Log.ToString()),
            log => log.Contains("it is encoded in SQL_ASCII, and text travels as UTF8"), "the sentence", Cancel);
    }

    [Fact]
    public async Task A_column_whose_type_changed_in_clickhouse_takes_no_value_by_its_bytes()
    {
        await using var store = await CreateAsync("CREATE TABLE price (id int PRIMARY KEY, v numeric(12,2))", "price");
        await store.StartStreamingAsync(Cancel);
        await store.ExecuteAsync("INSERT INTO price VALUES (1, 29.99)", Cancel);
        await WaitAsync(store, "SELECT v FROM price FINAL", "29.99\n");

        await store.QueryAsync("ALTER TABLE price MODIFY COLUMN v Nullable(Decimal(18, 4))", Cancel);
        await store.ExecuteAsync("INSERT INTO price VALUES (2, 29.99)", Cancel);
        await Wait.ForAsync(
            () => Task.FromResult(store.Log.ToString()), log =>
                log.Contains("price.v is Nullable(Decimal(18, 4)), where the model has Nullable(Decimal(12, 2))"),
                    $"the sentence; log:\n{store.Log}", Cancel);
        (await store.QueryAsync("SELECT v FROM price FINAL", Cancel)).Should().Be("29.99\n");
    }

    private static Task WaitAsync(Store store, string sql, string expected) => Wait.ForAsync(
        () => store.QueryAsync(sql, Cancel), answer =>
            answer == expected, $"'{sql}' to answer '{expected}'; log:\n{store.Log}\n", Cancel, TimeSpan.FromSeconds(60));

    private async Task<Store> CreateAsync(string create, string table)
    {
        var store = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await store.ExecuteAsync(
            $"{create}; DROP PUBLICATION {Store.Publication}; CREATE PUBLICATION {Store.Publication} FOR TABLE {table}", Cancel);
        await RealTables.MirrorAsync(store, $"c.relname = '{table}'", Cancel);
        return store;
    }
}
