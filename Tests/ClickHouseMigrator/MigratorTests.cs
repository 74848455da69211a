using AspireCdc.ClickHouseMigrator;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using ClickHouse.Driver.ADO;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace AspireCdc.Tests.ClickHouseMigrator;

public sealed class MigratorTests(ClickHouseServer clickhouse)
{
    private static readonly Migration First =
        new("0001_first",
            "CREATE TABLE IF NOT EXISTS a (x Int64) ENGINE = MergeTree ORDER BY x; CREATE TABLE IF NOT EXISTS b " +
            "(x Int64) ENGINE = MergeTree ORDER BY x;");
    private static readonly Migration Second = new("0002_second", "ALTER TABLE a ADD COLUMN IF NOT EXISTS y String");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Applies_each_file_once_and_in_order()
    {
        var database = await clickhouse.CreateDatabaseAsync(Cancel);
        var migrator = MigratorFor(database);

        (await migrator.ApplyAsync([First], Cancel)).Should().Be(1);
        (await migrator.ApplyAsync([First, Second], Cancel)).Should().Be(1);
        (await migrator.ApplyAsync([First, Second], Cancel)).Should().Be(0);

        (await database.QueryAsync("SELECT name FROM schema_migration ORDER BY name", Cancel)).Should().Be("0001_first\n0002_second\n");
        (await database.QueryAsync("SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'a' ORDER BY position",
            Cancel)).Should().Be("x\ny\n");
    }

    [Fact]
    public async Task Makes_the_database_of_the_connection_string()
    {
        var other = await clickhouse.CreateDatabaseAsync(Cancel);
        var database = other with { Name = other.Name + "_new" };

        await MigratorFor(database).ApplyAsync([First], Cancel);

        (await database.QueryAsync("EXISTS TABLE b", Cancel)).Should().Be("1\n");
    }

    [Fact]
    public async Task A_file_whose_statement_failed_is_not_recorded_and_resumes_when_corrected()
    {
        var database = await clickhouse.CreateDatabaseAsync(Cancel);
        var migrator = MigratorFor(database);
        var broken = First with { Sql = First.Sql + "CREATE TABLE c (x Nonsense) ENGINE = MergeTree ORDER BY x" };

        var failure = await FluentActions.Awaiting(() => migrator.ApplyAsync([broken], Cancel)).Should().ThrowAsync<MigrationException>();
        failure.Which.Message.Should().StartWith("Statement 3 of 0001_first.sql failed:").And.Contain("Nonsense");
        (await database.QueryAsync("SELECT count() FROM schema_migration", Cancel)).Should().Be("0\n");

        (await migrator.ApplyAsync([First, Second], Cancel)).Should().Be(2);
    }

    [Fact]
    public async Task A_kill_after_any_statement_leaves_a_state_that_the_next_start_completes()
    {
        Migration[] all = [.. Migration.ReadAll(
            Path.Combine(Repository.Root, "ClickHouseMigrator", "Migrations"), Path.Combine(Repository.Root, "Shop", "ClickHouse"))];
        var whole = await clickhouse.CreateDatabaseAsync(Cancel);
        await MigratorFor(whole).ApplyAsync(all, Cancel);
        var expected = await SchemaOf(whole);

        var statements = all.SelectMany(migration => SqlScript.Split(migration.Sql)).ToList();
        var interrupted = await clickhouse.CreateDatabaseAsync(Cancel);
        // Every statement has been run once without being recorded: the worst that kills can add up to.
        foreach (var statement in statements)
            await interrupted.QueryAsync(statement, Cancel);
        await MigratorFor(interrupted).ApplyAsync(all, Cancel);

        (await SchemaOf(interrupted)).Should().Be(expected);
    }

    [Fact]
    public async Task A_changed_file_is_refused()
    {
        var database = await clickhouse.CreateDatabaseAsync(Cancel);
        var migrator = MigratorFor(database);
        await migrator.ApplyAsync([First], Cancel);

        var refusal = await FluentActions.Awaiting(() => migrator.ApplyAsync([First with { Sql = First.Sql + " " }], Cancel)).Should()
            .ThrowAsync<MigrationException>();
        refusal.Which.Message.Should().StartWith("0001_first.sql was changed after it had been applied");
    }

    [Fact]
    public async Task A_file_that_is_gone_or_comes_too_late_is_refused()
    {
        var database = await clickhouse.CreateDatabaseAsync(Cancel);
        var migrator = MigratorFor(database);
        await migrator.ApplyAsync([Second with { Sql = "SELECT 1" }], Cancel);

        (await FluentActions.Awaiting(() => migrator.ApplyAsync([First], Cancel)).Should().ThrowAsync<MigrationException>())
            .Which.Message.Should().StartWith("0002_second.sql has been applied, but the file is gone");
        (await FluentActions.Awaiting(() => migrator.ApplyAsync([First, Second with { Sql = "SELECT 1" }], Cancel)).Should()
            .ThrowAsync<MigrationException>())
            .Which.Message.Should().StartWith("0001_first.sql sorts before 0002_second.sql");
    }

    [Fact]
    public async Task A_file_that_stands_for_others_goes_on_where_they_were_applied()
    {
        var database = await clickhouse.CreateDatabaseAsync(Cancel);
        var migrator = MigratorFor(database);
        var own = new Migration("0005_own", "CREATE TABLE IF NOT EXISTS own (x Int64) ENGINE = MergeTree ORDER BY x");
        await migrator.ApplyAsync([First, Second, own], Cancel);
        await database.QueryAsync("INSERT INTO a VALUES (7, 'kept')", Cancel);

        var one = new Migration("0000_all", $"-- Replaces: 0001_first, 0002_second\n{First.Sql}");
        (await migrator.StatusAsync([one, own], Cancel)).Select(line => (line.Name, line.State)).Should()
            .Equal(("0000_all", MigrationState.Pending), ("0005_own", MigrationState.Applied));
        (await migrator.ApplyAsync([one, own], Cancel)).Should().Be(1);
        (await migrator.ApplyAsync([one, own], Cancel)).Should().Be(0);

        (await database.QueryAsync("SELECT x, y FROM a", Cancel)).Should().Be("7\tkept\n");
    }

    [Fact]
    public async Task A_database_of_the_files_before_the_model_goes_on()
    {
        Migration[] before =
        [
            new("001_landing", "CREATE TABLE IF NOT EXISTS customer_dim (customer_id Int64) ENGINE = MergeTree ORDER BY customer_id"),
            new("002_companions", "SELECT 1"),
            new("003_star", "SELECT 1"), new("004_bookkeeping", "SELECT 1"),
        ];
        Migration[] now = [.. Migration.ReadAll(Path.Combine(Repository.Root, "ClickHouseMigrator", "Migrations"),
            Path.Combine(Repository.Root, "Shop", "ClickHouse"))];
        now.SelectMany(migration => migration.Replaces).Should().BeEquivalentTo(before.Select(migration => migration.Name));

        var database = await clickhouse.CreateDatabaseAsync(Cancel);
        await MigratorFor(database).ApplyAsync(before, Cancel);
        (await MigratorFor(database).ApplyAsync(now, Cancel)).Should().Be(now.Length);
        (await database.QueryAsync("EXISTS TABLE cdc_progress", Cancel)).Should().Be("1\n");
    }

    [Fact]
    public void Line_ends_do_not_count_as_a_change()
    {
        var unix = new Migration("m", "SELECT 1;\nSELECT 2;\n");
        (unix with { Sql = "SELECT 1;\r\nSELECT 2;\r\n" }).Checksum.Should().Be(unix.Checksum);
    }

    [Fact]
    public async Task Status_tells_applied_pending_changed_and_missing_files()
    {
        var database = await clickhouse.CreateDatabaseAsync(Cancel);
        var migrator = MigratorFor(database);
        var before = await migrator.StatusAsync([First], Cancel);
        before.Should().Equal(new MigrationStatus("0001_first", MigrationState.Pending, null));

        var gone = new Migration("0000_gone", "SELECT 1");
        await migrator.ApplyAsync([gone, First], Cancel);
        var status = await migrator.StatusAsync([First with { Sql = "SELECT 2" }, Second], Cancel);

        status.Select(line => (line.Name, line.State)).Should().Equal(
            ("0000_gone", MigrationState.Missing), ("0001_first", MigrationState.Changed), ("0002_second", MigrationState.Pending));
    }

    private static Migrator MigratorFor(TestClickHouse database) =>
        new(new ClickHouseConnectionStringBuilder(database.ConnectionString), cluster: null, NullLogger<Migrator>.Instance);

    private static async Task<string> SchemaOf(TestClickHouse database)
    {
        var ddl =
            await database.QueryAsync(
                "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase() " +
                "AND name NOT LIKE '.inner%' ORDER BY name", Cancel);
        return ddl.Replace(database.Name, "db", StringComparison.Ordinal);
    }
}
