using System.Net.Http.Json;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.Operations;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.CdcProcessor.Verification;
using AspireCdc.Star.Types;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AspireCdc.Tests.Kafka;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.Verification;

/// <summary>Tables and facts compared with PostgreSQL, row for row, while changes stream.</summary>
public sealed class VerifyTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
{
    /// <summary>
    /// Twenty rows that PostgreSQL has not, or has otherwise; in the tables of the pair, and in facts whose tables are right.
    /// </summary>
    private static readonly (string Table, string Key, string Sql)[] Planted =
    [
        ("customer", "1", Changed("customer_dim", "customer_id = 1", "city", "'elsewhere'")),
        ("customer", "2", Changed("customer_dim", "customer_id = 2", "customer_name", "concat(customer_name, ' ')")),
        ("customer", "3", Deleted("customer_dim", "customer_id = 3")),
        ("customer", "4", Gone("customer_dim", "customer_id = 4")),
        ("customer", "100", Surplus("customer_dim", "customer_id = 5", "customer_id", "100")),
        ("product", "1", Changed("product_dim", "product_id = 1", "price", "price / 100")),
        ("product", "7", Surplus("product_dim", "product_id = 1", "product_id", "7")),
        ("order", "1", Changed("order_landing", "order_id = 1", "order_date", "order_date + toIntervalMicrosecond(1)")),
        ("order", "2", Deleted("order_landing", "order_id = 2")),
        ("order", "3", Gone("order_landing", "order_id = 3")),
        ("orderitem", "1", Changed("orderitem_landing", "orderitem_id = 1", "quantity", "quantity + 1")),
        ("orderitem", "2", Gone("orderitem_landing", "orderitem_id = 2")),
        ("orderitem", "0", Surplus("orderitem_landing", "orderitem_id = 3", "orderitem_id", "0")),
        ("orderitem", "-5", Surplus("orderitem_landing", "orderitem_id = 3", "orderitem_id", "-5")),
        ("order_fact", "5", Changed("order_fact", "order_id = 5", "total", "total + 1")),
        ("order_fact", "6", Deleted("order_fact", "order_id = 6")),
        ("order_fact", "900", Surplus("order_fact", "order_id = 7", "order_id", "900")),
        ("orderitem_fact", "10", Gone("orderitem_fact", "orderitem_id = 10")),
        ("orderitem_fact", "14", Changed("orderitem_fact", "orderitem_id = 14", "category", "''")),
        ("orderitem_fact", "15", Changed("orderitem_fact", "orderitem_id = 15", "revenue", "revenue + 0.01")),
    ];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Twenty_wrong_rows_are_found_and_repaired_while_changes_stream()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        var processor = await shop.StartCopiedAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);

        await FindAndRepairAsync(shop, processor);

        // Nothing else has come apart, and what was repaired follows on.
        await shop.ExecuteAsync(
            "UPDATE customer SET city = 'Brig'; DELETE FROM orderitem WHERE id = 2; UPDATE orderitem SET quantity = 5 WHERE id = 10",
            Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    [Fact]
    public async Task A_transaction_that_stays_open_in_another_database_holds_up_no_repair()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        var processor = await shop.StartCopiedAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await using var connection = new NpgsqlConnection((await postgres.CreateDatabaseAsync(Cancel)).ConnectionString);
        await connection.OpenAsync(Cancel);
        await using var transaction = await connection.BeginTransactionAsync(Cancel);
        await using (var command = new NpgsqlCommand("CREATE TABLE unfinished (id int)", connection, transaction))
            await command.ExecuteNonQueryAsync(Cancel);

        await shop.QueryAsync(Deleted("customer_dim", "customer_id = 1"), Cancel);
        var (code, printed) = await VerifyAsync(processor, "customer", "--repair");

        code.Should().Be(0, printed);
        printed.Should().Contain("1: the row is missing, repaired").And.NotContain("undecided");
    }

    [Fact]
    public async Task Twenty_wrong_rows_are_found_and_repaired_through_kafka()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        string[] settings = kafka.Arguments(kafka.NewTopic());
        await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. settings]);
        var processor = await shop.StartStreamingAsync(Cancel, ["--source", "kafka", .. settings]);
        await shop.AssertStarEqualsJoinAsync(Cancel, TimeSpan.FromMinutes(2));
        await WaitUntilPassedAsync(shop, processor);

        await FindAndRepairAsync(shop, processor);
        await shop.AssertStarEqualsJoinAsync(Cancel, TimeSpan.FromMinutes(2));
    }

    [Fact]
    public async Task Facts_are_compared_by_their_query_in_postgres_and_keys_of_text_and_uuid_whatever_their_order()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel, Example.Deep);
        var random = new RandomWork(4711, shop.Postgres.ConnectionString, Example.Deep);
        await random.RunAsync(150, Cancel);
        await shop.ExecuteAsync(
            $"""
            CREATE TABLE label (code text, id uuid, note text, extra json, PRIMARY KEY (code, id));
            ALTER PUBLICATION {Store.Publication} ADD TABLE label;
            INSERT INTO label SELECT substr('aBÄz_é Z', i % 8 + 1, 1) || i, md5(i::text)::uuid, E'tab\\tand \\\\' || i,
                CASE WHEN i % 7 > 0 THEN json_build_object(
                    'b', i / 4.0, 'a', json_build_object('at', '2026-01-02', 'of', ARRAY[i, 2]), 'none', NULL, 'aa', 'x"y') END
                FROM generate_series(1, 300) i;
            INSERT INTO country VALUES (99, 'X') ON CONFLICT DO NOTHING; INSERT INTO city VALUES (99, 'Y', 99)
                ON CONFLICT DO NOTHING; INSERT INTO address VALUES (99, 'Z', 99) ON CONFLICT DO NOTHING;
            INSERT INTO crm.person SELECT 9000 + i, 'P' || i, 99, NULL, NULL FROM generate_series(1, 5) i;
            """, Cancel);
        var label = Mapped.Table(
            "label", Mapped.Key("code", ColumnType.String), Mapped.Key("id", ColumnType.Uuid),
            Mapped.Column("note", ColumnType.Nullable(ColumnType.String)),
            Mapped.Column("extra", ColumnType.TryParse("Nullable(JSON)", out var json) ? json : throw new InvalidOperationException()));
        await shop.MigrateToAsync(shop.Model with { Tables = [.. shop.Model.Tables, label with { Landing = "label_landing" }] }, Cancel);
        var processor = await shop.StartCopiedAsync(Cancel);
        var (code, printed) = await VerifyAsync(processor);
        code.Should().Be(0, printed);

        await shop.QueryAsync(Changed("person_fact", "person_id = 9001", "street", "'elsewhere'"), Cancel);
        await shop.QueryAsync(Deleted("person_fact", "person_id = 9002"), Cancel);
        await shop.QueryAsync(Surplus("person_fact", "person_id = 9003", "person_id", "9999"), Cancel);
        await shop.QueryAsync(Changed("label_landing", "code = 'B1'", "note", "NULL"), Cancel);
        await shop.QueryAsync(
            Changed("label_landing", "code = 'B9'", "extra",
                "'{\"b\":2.25,\"a\":{\"at\":\"2026-01-02\",\"of\":[9,3]},\"aa\":\"x\"}'::JSON"), Cancel);
        await shop.QueryAsync(Gone("label_landing", "code = 'Ä2'"), Cancel);
        await shop.QueryAsync(Surplus("label_landing", "code = 'z3'", "code", "'no such, \\\"code\\\"'"), Cancel);

        (code, printed) = await VerifyAsync(processor);
        code.Should().Be(1, printed);
        printed.Should().Contain("9001: its values differ").And.Contain("9002: the row is missing").And.Contain(
            "9999: there should be no such row")
            .And.Contain("B1,").And.Contain("B9,").And.Contain("Ä2,").And.Contain("no such, ").And.Contain("3 of person_fact")
                .And.Contain("4 of label");
        (code, printed) = await VerifyAsync(processor, "--repair");
        code.Should().Be(0, printed);
        (await shop.QueryAsync("SELECT count() FROM label_landing", Cancel)).Should().Be("300\n");
    }

    [Fact]
    public async Task Large_rows_are_brought_once_more_a_few_at_a_time()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync(
            $"""
            CREATE TABLE page (id int PRIMARY KEY, content text);
            ALTER PUBLICATION {Store.Publication} ADD TABLE page;
            INSERT INTO page SELECT i, repeat(i::text, 3000000) FROM generate_series(1, 5) i;
            """, Cancel);
        var page = Mapped.Table("page", Mapped.Key("id", ColumnType.Int32), Mapped.Column("content", ColumnType.String));
        await shop.MigrateToAsync(shop.Model with { Tables = [.. shop.Model.Tables, page with { Landing = "page_landing" }] }, Cancel);
        var processor = await shop.StartCopiedAsync(Cancel);
        await shop.QueryAsync(Deleted("page_landing", "id > 0"), Cancel);
        // Another reader of the log, which sees what the comparison asks for.
        var reader = $"reader_{shop.Postgres.Name}";
        await shop.ExecuteAsync($"SELECT pg_create_logical_replication_slot('{reader}', 'pgoutput')", Cancel);
        try
        {
            var (code, printed) = await VerifyAsync(processor, "page", "--repair");

            code.Should().Be(0, printed);
            (await shop.QueryAsync("SELECT id, length(content) FROM page_landing ORDER BY id", Cancel)).Should()
                .Be("1\t3000000\n2\t3000000\n3\t3000000\n4\t3000000\n5\t3000000\n");
            (await shop.Postgres.ScalarAsync<long>(
                $"""
                SELECT count(*) FROM pg_logical_slot_get_binary_changes('{reader}', NULL, NULL,
                    'proto_version', '1', 'publication_names', '{Store.Publication}', 'messages', 'true')
                WHERE get_byte(data, 0) = ascii('M') AND position('{Marker.Prefix(shop.Slot)}'::bytea IN data) > 0
                """, Cancel)).Should().Be(3, "of 3 MB each a page of 8 MB holds two");
        }
        finally
        {
            await shop.ExecuteAsync($"SELECT pg_drop_replication_slot('{reader}')", Cancel);
        }
    }

    [Fact]
    public async Task A_comparison_goes_on_after_a_restart_and_comes_again_by_itself()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        var processor = await shop.StartCopiedAsync(Cancel, "--Cdc:VerifyRowsPerSecond", "4");
        await shop.AssertStarEqualsJoinAsync(Cancel);
        using (var http = Client(processor))
        {
            (await http.PostAsync("/operations/verify", null, Cancel)).EnsureSuccessStatusCode();
            ((int)(await http.PostAsync("/operations/verify", null, Cancel)).StatusCode).Should().Be(409, "one runs already");
        }
        var before = await Wait.ForAsync(() => ReportAsync(processor), report => report.Tables[1].State == "equal",
            "two tables to be compared", Cancel, TimeSpan.FromMinutes(2));
        before.State.Should().Be("running");
        await shop.StopAsync(processor);

        processor = await shop.StartStreamingAsync(Cancel);
        var after = await Wait.ForAsync(() => ReportAsync(processor), report => report.State == "equal", "the comparison to end", Cancel,
            TimeSpan.FromMinutes(2));
        after.Started.Should().Be(before.Started);
        after.Tables[0].Should().BeEquivalentTo(before.Tables[0], "what was compared is not compared again");
        after.Rows.Should().Be(5 + 1 + 10 + 20 + 10 + 20);
        await shop.StopAsync(processor);

        processor = await shop.StartStreamingAsync(Cancel, "--Cdc:VerifyEvery", "00:00:01");
        var third = await Wait.ForAsync(() => ReportAsync(processor), report => report.State == "equal" && report.Started > after.Started,
            "another one", Cancel, TimeSpan.FromMinutes(2));
        await shop.StopAsync(processor);

        // Longer than a timer runs, and somebody asks meanwhile.
        processor = await shop.StartStreamingAsync(Cancel, "--Cdc:VerifyEvery", "90.00:00:00");
        using (var http = Client(processor))
            (await http.PostAsync("/operations/verify", null, Cancel)).EnsureSuccessStatusCode();
        await Wait.ForAsync(() => ReportAsync(processor), report => report.State == "equal" && report.Started > third.Started,
            "the one that was asked for", Cancel, TimeSpan.FromMinutes(2));
    }

    /// <summary>
    /// Behind Kafka the rows of a copy are there before its end, which derives all facts once more, and would mend what was planted in
    /// them: until every partition has passed what is committed now.
    /// </summary>
    private static async Task WaitUntilPassedAsync(Store shop, WebApplication processor)
    {
        var status = processor.Services.GetRequiredService<ProcessorStatus>();
        var end = Lsn.Parse((await shop.Postgres.ScalarAsync<string>("SELECT pg_current_wal_flush_lsn()::text", Cancel))!);
        await Wait.UntilAsync(
            async () =>
            {
                await shop.ExecuteAsync("SELECT pg_logical_emit_message(true, 'test', '')", Cancel);
                return status.Applied.Count(position => position.CommitLsn >= end) == KafkaBroker.Partitions;
            },
            $"every partition to pass {Lsn.Format(end)}", Cancel, TimeSpan.FromMinutes(2));
    }

    private static async Task FindAndRepairAsync(Store shop, WebApplication processor)
    {
        foreach (var (_, _, sql) in Planted)
            await shop.QueryAsync(sql, Cancel);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var working = WorkAsync(shop, stop.Token);
        var (code, printed) = await VerifyAsync(processor);
        code.Should().Be(1, printed);
        var found = (await ReportAsync(processor)).Tables.SelectMany(table => table.Keys.Select(key => (table.Name, key.Key))).ToList();
        // A fact over a wrong row of a table is wrong only once that row's key is derived, so those that were planted are the least.
        found.Should().Contain(Planted.Select(planted => (planted.Table, planted.Key)), printed);
        using (var http = Client(processor))
            (await http.GetStringAsync("/ready", Cancel)).Should().Contain("Rows differ from PostgreSQL").And.Contain("verify --repair");

        (code, printed) = await VerifyAsync(processor, "--repair");
        code.Should().Be(0, printed);
        printed.Should().Contain("repaired").And.Contain("Equal, row for row");
        await stop.CancelAsync();
        await working;

        (code, printed) = await VerifyAsync(processor, "customer", "product", "order", "orderitem", "order_fact", "orderitem_fact");
        code.Should().Be(0, printed);
        var report = await ReportAsync(processor);
        report.Tables.Should().OnlyContain(table => table.State == "equal" && table.Differences == 0);
        using (var http = Client(processor))
            (await http.GetStringAsync("/ready", Cancel)).Should().NotContain("Rows differ");
        await shop.AssertStarEqualsJoinAsync(Cancel, TimeSpan.FromMinutes(2));
    }

    /// <summary>Changes without end, of rows that were not planted.</summary>
    private static async Task WorkAsync(Store shop, CancellationToken cancellationToken)
    {
        for (var i = 0; !cancellationToken.IsCancellationRequested; i++)
        {
            await shop.ExecuteAsync(
                $"UPDATE orderitem SET quantity = {1 + (i % 50)} WHERE id IN (18, 19, 20); INSERT INTO orderitem (id, order_id, " +
                $"product_id, quantity, price) VALUES ({1000 + i}, 4, 1, 1, 1);"
                + $" DELETE FROM orderitem WHERE id = {1000 + i - 5}; UPDATE \"order\" SET status = 's{i}' WHERE id = 9", Cancel);
            await Wait.ForAsync(() => shop.QueryAsync("SELECT status FROM order_landing WHERE order_id = 9", Cancel), seen =>
                seen == $"s{i}\n", "the change to arrive", Cancel, TimeSpan.FromMinutes(2));
        }
    }

    private static async Task<(int Code, string Printed)> VerifyAsync(WebApplication processor, params string[] arguments)
    {
        using var output = new StringWriter();
        var code = await Verbs.RunAsync(["verify", .. arguments, "--address", processor.Urls.First()], output, output, Cancel);
        return (code, output.ToString());
    }

    private static async Task<VerificationReport> ReportAsync(WebApplication processor)
    {
        using var http = Client(processor);
        return (await http.GetFromJsonAsync<VerificationReport>("/operations/verify", Cancel))!;
    }

    private static HttpClient Client(WebApplication processor) => new() { BaseAddress = new Uri(processor.Urls.First()) };

    /// <summary>Another value under the next version, as if the row had been changed.</summary>
    private static string Changed(string table, string where, string column, string value) =>
        $"INSERT INTO {table} SELECT * REPLACE ({value} AS {column}, version + 1 AS version) FROM (SELECT * FROM {table} WHERE {where})";

    private static string Deleted(string table, string where) => Changed(table, where, "is_deleted", "1");

    /// <summary>Under the least version: that of the row that it is made of may be of a partition that is far ahead of its own.</summary>
    private static string Surplus(string table, string where, string key, string value) =>
        $"INSERT INTO {table} SELECT * REPLACE ({value} AS {key}, 1 AS version) FROM (SELECT * FROM {table} WHERE {where})";

    private static string Gone(string table, string where) => $"ALTER TABLE {table} DELETE WHERE {where} SETTINGS mutations_sync = 2";
}
