using AspireCdc.Api.InitDb;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.Api;

public sealed class InitDbTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_makes_tables_publication_and_role_and_a_second_run_finds_nothing_to_do()
    {
        var database = await postgres.CreateDatabaseAsync(Cancellation);
        (await RunAsync(database, "--check")).Should()
            .Match<Outcome>(check => check.ExitCode == 1 && check.Output.Contains("InitialSchema"));

        var first = await RunAsync(database);
        first.ExitCode.Should().Be(0, first.Output);
        first.Output.Should().Contain("Creating all tables...").And.Contain("✅ Tables created successfully!");

        (await RunAsync(database)).Output.Should().NotContain("done:");
        (await RunAsync(database, "--check")).ExitCode.Should().Be(0);
        (await TablesAsync(database)).Should().Be("customer,order,orderitem,product");
        (await database.ScalarAsync<string>(
            "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
            Cancellation))
            .Should().Be("__EFMigrationsHistory,customer,idempotency_key,order,orderitem,product");
    }

    [Fact]
    public async Task The_event_triggers_are_made_once_tell_of_rewrites_and_are_refused_with_a_sentence_to_who_may_not()
    {
        var database = await postgres.CreateDatabaseAsync(Cancellation);
        (await RunAsync(database)).Output.Should().Contain("event trigger aspirecdc_table_rewrite is missing");
        await database.ExecuteAsync("ALTER EVENT TRIGGER aspirecdc_table_rewrite DISABLE", Cancellation);
        (await RunAsync(database, "--check")).Output.Should().Contain("event trigger aspirecdc_table_rewrite is missing or switched off");
        (await RunAsync(database)).ExitCode.Should().Be(0);
        (await RunAsync(database, "--check")).ExitCode.Should().Be(0);

        await database.ExecuteAsync("DROP EVENT TRIGGER aspirecdc_table_rewrite", Cancellation);
        await using var connection = new NpgsqlConnection(LoginOf(database, "secret").ConnectionString);
        await connection.OpenAsync(Cancellation);
        var (done, refusal) = await SchemaTriggers.MakeAsync(connection, Cancellation);
        done.Should().BeEmpty();
        refusal.Should().Contain("aspirecdc_table_rewrite").And.Contain("may not make them").And.Contain(
            "A superuser's init-db makes them");
    }

    [Fact]
    public async Task A_database_that_is_not_there_is_made()
    {
        var database = await postgres.CreateDatabaseAsync(Cancellation);
        var other = database with
        {
            Name = database.Name + "_new",
            ConnectionString =
            new NpgsqlConnectionStringBuilder(database.ConnectionString) { Database = database.Name + "_new" }.ConnectionString
        };
        (await RunAsync(other)).ExitCode.Should().Be(0);
        (await TablesAsync(other)).Should().Be("customer,order,orderitem,product");
    }

    [Fact]
    public async Task The_role_may_replicate_and_read_the_replicated_tables_and_nothing_else()
    {
        var database = await postgres.CreateDatabaseAsync(Cancellation);
        await RunAsync(database);
        var role = LoginOf(database, "secret");

        foreach (var table in (string[])["customer", "product", "\"order\"", "orderitem"])
        {
            (await role.ScalarAsync<long>($"SELECT count(*) FROM {table}", Cancellation)).Should().Be(0);
            foreach (var write in (string[])[$"DELETE FROM {table}", $"TRUNCATE {table} CASCADE", $"UPDATE {table} SET id = id"])
                await role.Invoking(r => r.ExecuteAsync(write, Cancellation)).Should().ThrowAsync<PostgresException>()
                    .Where(e => e.SqlState == PostgresErrorCodes.InsufficientPrivilege);
        }
        await role.Invoking(r => r.ExecuteAsync("SELECT * FROM idempotency_key", Cancellation)).Should().ThrowAsync<PostgresException>();
        await role.ExecuteAsync($"SELECT pg_create_logical_replication_slot('slot_{database.Name}', 'pgoutput', true)", Cancellation);
    }

    [Theory]
    [InlineData("ALTER PUBLICATION redpanda_cdc_publication DROP TABLE product", "lacks product")]
    [InlineData("ALTER PUBLICATION redpanda_cdc_publication ADD TABLE idempotency_key", "has idempotency_key")]
    [InlineData(
        "ALTER PUBLICATION redpanda_cdc_publication SET TABLE customer WHERE (id > 5), product, \"order\", orderitem", "filters customer")]
    [InlineData(
        "ALTER PUBLICATION redpanda_cdc_publication SET TABLE customer, product (id, name), \"order\", orderitem", "filters product")]
    [InlineData("ALTER PUBLICATION redpanda_cdc_publication ADD TABLES IN SCHEMA public", "has schema public")]
    [InlineData("ALTER PUBLICATION redpanda_cdc_publication SET (publish = 'insert')", "leaves out some kind of change")]
    [InlineData("DROP PUBLICATION redpanda_cdc_publication", "publication redpanda_cdc_publication is missing")]
    [InlineData("ALTER ROLE @role NOREPLICATION", "may not log in and replicate")]
    [InlineData("ALTER ROLE @role NOLOGIN", "may not log in and replicate")]
    [InlineData("ALTER ROLE @role CREATEDB", "rights that it does not need")]
    [InlineData("ALTER ROLE @role PASSWORD 'other'", "has another password")]
    [InlineData("REVOKE SELECT ON customer FROM @role", "may not read customer")]
    [InlineData("GRANT DELETE ON customer TO @role", "has DELETE on customer")]
    [InlineData("GRANT SELECT ON idempotency_key TO @role", "has SELECT on idempotency_key")]
    [InlineData("REVOKE USAGE ON SCHEMA public FROM public", "may not use the schema")]
    [InlineData("DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM public', current_database()); END $$", "may not connect")]
    public async Task What_drifted_is_named_and_repaired(string drift, string complaint)
    {
        var database = await postgres.CreateDatabaseAsync(Cancellation);
        await RunAsync(database);
        await database.ExecuteAsync(drift.Replace("@role", $"cdc_{database.Name}"), Cancellation);

        var check = await RunAsync(database, "--check");
        check.ExitCode.Should().Be(1);
        check.Output.Should().Contain(complaint);
        var repair = await RunAsync(database);
        repair.ExitCode.Should().Be(0, repair.Output);

        (await RunAsync(database, "--check")).Should().Match<Outcome>(after => after.ExitCode == 0, repair.Output);
        (await TablesAsync(database)).Should().Be("customer,order,orderitem,product");
        (await LoginOf(database, "secret").ScalarAsync<long>("SELECT count(*) FROM customer", Cancellation)).Should().Be(0);
    }

    [Theory]
    [InlineData("--check", false)]
    [InlineData("--yes", false)]
    [InlineData("--Cdc:Role=r", true)]
    [InlineData("--ConnectionStrings:shop=Host=h", true)]
    public void A_switch_is_no_setting(string arg, bool isSetting) =>
        InitDbCommand.IsSetting(arg).Should().Be(isSetting);

    [Fact]
    public async Task Who_may_not_read_passwords_sets_the_roles_once_and_finds_nothing_missing()
    {
        var database = await postgres.CreateDatabaseAsync(Cancellation);
        await RunAsync(database);
        var maker = $"maker_{database.Name}";
        await database.ExecuteAsync($"""
            CREATE ROLE {maker} LOGIN CREATEROLE PASSWORD 'maker';
            GRANT cdc_{database.Name} TO {maker} WITH ADMIN OPTION;
            DO $$ DECLARE t regclass; BEGIN
                EXECUTE format('ALTER DATABASE %I OWNER TO {maker}', current_database());
                FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
                    EXECUTE format('ALTER TABLE %s OWNER TO {maker}', t);
                END LOOP;
            END $$;
            ALTER SCHEMA public OWNER TO {maker};
            ALTER PUBLICATION redpanda_cdc_publication OWNER TO {maker};
            """, Cancellation);
        var others = database with { ConnectionString = LoginAs(database, maker, "maker") };

        var outcome = await RunAsync(others);

        outcome.ExitCode.Should().Be(0, outcome.Output);
        outcome.Output.Split("may have another password").Should().HaveCount(2, outcome.Output);
        (await RunAsync(others, "--check")).Should().Match<Outcome>(check => check.ExitCode == 0, outcome.Output);
    }

    [Fact]
    public async Task A_publication_for_all_tables_is_left_to_the_user()
    {
        var database = await postgres.CreateDatabaseAsync(Cancellation);
        await database.ExecuteAsync("CREATE PUBLICATION redpanda_cdc_publication FOR ALL TABLES", Cancellation);
        var outcome = await RunAsync(database);
        outcome.ExitCode.Should().Be(1);
        outcome.Output.Should().Contain("FOR ALL TABLES").And.NotContain("   at ");
    }

    [Fact]
    public async Task Two_at_a_time_do_not_disturb_each_other()
    {
        var database = await postgres.CreateDatabaseAsync(Cancellation);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => RunAsync(database)));
        outcomes.Should().OnlyContain(outcome => outcome.ExitCode == 0);
        (await RunAsync(database, "--check")).ExitCode.Should().Be(0);
    }

    [Fact]
    public async Task It_asks_before_it_destroys()
    {
        var database = await FilledAsync();

        (await RunAsync(database, "--drop", input: "no\n")).Should()
            .Match<Outcome>(no => no.ExitCode == 1 && no.Output.Contains("Nothing was changed"));
        (await RunAsync(database, "--recreate", input: "")).ExitCode.Should().Be(1);
        (await database.ScalarAsync<long>("SELECT count(*) FROM customer", Cancellation)).Should().Be(1);

        (await RunAsync(database, "--recreate", input: "yes\n")).ExitCode.Should().Be(0);
        (await database.ScalarAsync<long>("SELECT count(*) FROM customer", Cancellation)).Should().Be(0);
        (await RunAsync(database, "--check")).ExitCode.Should().Be(0);

        (await RunAsync(database, ["--drop", "--yes"])).ExitCode.Should().Be(0);
        (await database.ScalarAsync<bool>("SELECT to_regclass('customer') IS NULL", Cancellation)).Should().BeTrue();
    }

    [Theory]
    [InlineData("product")]
    [InlineData("customer")]
    [InlineData("idempotency_key")]
    [InlineData("customer", "order", "orderitem", "product", "idempotency_key")]
    public async Task A_table_that_was_dropped_by_hand_is_named_before_anything_changes_and_a_recreate_makes_all_anew(
        params string[] tables)
    {
        var database = await FilledAsync();
        var before = await ConstraintsAsync(database);
        foreach (var table in tables)
            await database.ExecuteAsync($"DROP TABLE \"{table}\" CASCADE", Cancellation);
        var left = await ConstraintsAsync(database);
        await database.ExecuteAsync("DROP PUBLICATION redpanda_cdc_publication", Cancellation);

        foreach (var option in (string[][])[[], ["--check"]])
        {
            var outcome = await RunAsync(database, option);
            outcome.ExitCode.Should().Be(1);
            outcome.Output.Should().ContainAll([.. tables, "nothing was changed", "init-db --recreate"]);
        }
        (await ConstraintsAsync(database)).Should().Be(left);
        (await database.ScalarAsync<long>("SELECT count(*) FROM pg_publication", Cancellation)).Should().Be(0);

        var recreated = await RunAsync(database, ["--recreate", "--yes"]);

        recreated.ExitCode.Should().Be(0, recreated.Output);
        (await RunAsync(database, "--check")).ExitCode.Should().Be(0);
        (await ConstraintsAsync(database)).Should().Be(before);
        (await database.ScalarAsync<long>("SELECT count(*) FROM customer", Cancellation)).Should().Be(0);
        (await RunAsync(database, ["--drop", "--yes"])).ExitCode.Should().Be(0);
    }

    [Fact]
    public async Task A_drop_of_what_is_not_there_changes_nothing()
    {
        var database = await postgres.CreateDatabaseAsync(Cancellation);

        (await RunAsync(database, ["--drop", "--yes"])).ExitCode.Should().Be(0);

        (await database.ScalarAsync<long>(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace", Cancellation)).Should().Be(0);
    }

    [Fact]
    public async Task A_drop_reaches_the_readers_of_the_slot_as_a_truncate()
    {
        var database = await FilledAsync();
        var slot = $"slot_{database.Name}";
        await database.ExecuteAsync($"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')", Cancellation);

        var drop = await RunAsync(database, ["--recreate", "--yes", $"--Cdc:Slot={slot}"]);

        drop.ExitCode.Should().Be(0, drop.Output);
        drop.Output.Should().Contain("resync --all", "nobody reads the slot");
        // The message type T is TRUNCATE; the publication has to know the tables until it has gone out.
        (await database.ScalarAsync<long>($"""
            SELECT count(*) FROM pg_logical_slot_get_binary_changes('{slot}', NULL, NULL, 'proto_version', '1', 'publication_names',
                'redpanda_cdc_publication') WHERE get_byte(data, 0) = ascii('T')
            """, Cancellation)).Should().BePositive();
    }

    [Theory]
    [InlineData("--drop"), InlineData("--recreate")]
    public async Task A_drop_waits_until_the_processor_has_emptied_ClickHouse(string option)
    {
        var database = await postgres.CreateDatabaseAsync(Cancellation);
        await RunAsync(database);
        await using var shop = await Store.OverAsync(database, clickhouse, Cancellation);
        await database.ExecuteAsync(
            "INSERT INTO customer (email, name, country, city) SELECT n || '@x.org', 'b', 'c', 'd' FROM generate_series(1, 500) n",
            Cancellation);
        await shop.StartStreamingAsync(Cancellation);
        await Wait.ForAsync(
            () => shop.QueryAsync("SELECT count() FROM customer_dim", Cancellation), count => count == "500\n", "the copy", Cancellation);

        var outcome = await RunAsync(database, [option, "--yes", $"--Cdc:Slot={shop.Slot}"]);

        outcome.ExitCode.Should().Be(0, outcome.Output);
        outcome.Output.Should().Contain("✅ Tables dropped.").And.NotContain("⚠️").And.NotContain("resync");
        (await shop.QueryAsync("SELECT count() FROM customer_dim", Cancellation)).Should().Be("0\n", "the command has waited for it");
        if (option == "--drop") return;

        await database.ExecuteAsync("INSERT INTO customer (email, name, country, city) VALUES ('new@x.org', 'b', 'c', 'd')", Cancellation);
        await Wait.ForAsync(() => shop.QueryAsync("SELECT customer_email FROM customer_dim", Cancellation), found => found == "new@x.org\n",
            "the new table's first row", Cancellation);
    }

    [Theory]
    [InlineData(new[] { "--nonsense" }, "--nonsense")]
    [InlineData(new[] { "--drop", "--check" }, "exclude one another")]
    [InlineData(new[] { "drop" }, "drop")]
    public async Task An_unknown_option_gets_a_sentence(string[] args, string sentence)
    {
        var outcome = await RunAsync(new TestDatabase("nowhere", "Host=localhost;Port=1"), args);
        outcome.ExitCode.Should().Be(2);
        outcome.Output.Should().Contain(sentence).And.Contain("--recreate");
    }

    [Theory]
    [InlineData()]
    [InlineData("--check")]
    [InlineData("--drop", "--yes")]
    public async Task A_server_that_does_not_answer_gets_a_sentence(params string[] args)
    {
        var outcome = await RunAsync(new TestDatabase("nowhere", $"Host=127.0.0.1;Port={FreePort.Next()};Username=x;Database=y"), args);
        outcome.ExitCode.Should().Be(1);
        outcome.Output.Should().Contain("does not answer").And.Contain("ConnectionStrings__shop").And.NotContain("   at ");
    }

    [Fact]
    public async Task Without_the_right_to_make_roles_it_says_so()
    {
        var database = await postgres.CreateDatabaseAsync(Cancellation);
        await database.ExecuteAsync(
            $"CREATE ROLE poor_{database.Name} LOGIN PASSWORD 'poor'; GRANT ALL ON SCHEMA public TO poor_{database.Name}; GRANT CREATE " +
            $"ON DATABASE {database.Name} TO poor_{database.Name}", Cancellation);
        var outcome = await RunAsync(database with { ConnectionString = LoginAs(database, $"poor_{database.Name}", "poor") });
        outcome.ExitCode.Should().Be(1);
        outcome.Output.Should().Contain("superuser").And.NotContain("   at ");
    }

    private async Task<TestDatabase> FilledAsync()
    {
        var database = await postgres.CreateDatabaseAsync(Cancellation);
        await RunAsync(database);
        await database.ExecuteAsync("INSERT INTO customer (email, name, country, city) VALUES ('a', 'b', 'c', 'd')", Cancellation);
        return database;
    }

    private static Task<Outcome> RunAsync(TestDatabase database, string option, string input = "") => RunAsync(database, [option], input);

    private static async Task<Outcome> RunAsync(TestDatabase database, string[]? args = null, string input = "")
    {
        args ??= [];
        await using var app = ApiServer.Create(database.ConnectionString, database.Name, [.. args.Where(arg => arg.Contains(':'))]);
        var output = new StringWriter();
        var exitCode = await InitDbCommand.RunAsync(app.Services, args, new StringReader(input), output, Cancellation);
        return new Outcome(exitCode, output.ToString());
    }

    private static async Task<string> TablesAsync(TestDatabase database) => await database.ScalarAsync<string>(
        "SELECT string_agg(tablename, ',' ORDER BY tablename) FROM pg_publication_tables WHERE pubname = 'redpanda_cdc_publication'",
        Cancellation) ?? "";

    /// <summary>Every constraint and index, as SQL.</summary>
    private static Task<string?> ConstraintsAsync(TestDatabase database) => database.ScalarAsync<string>(
        """
        SELECT string_agg(said, E'\n' ORDER BY said) FROM (
            SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS said FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace
            UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public') definitions
        """, Cancellation);

    private static TestDatabase LoginOf(TestDatabase database, string password) =>
        database with { ConnectionString = LoginAs(database, $"cdc_{database.Name}", password) };

    private static string LoginAs(TestDatabase database, string user, string password) =>
        new NpgsqlConnectionStringBuilder(
            database.ConnectionString)
        { Username = user, Password = password, Pooling = false }.ConnectionString;

    private sealed record Outcome(int ExitCode, string Output);
}
