using AspireCdc.Api.InitDb;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Npgsql;
using Xunit;
using static AspireCdc.Tests.Fixtures.Mapped;

namespace AspireCdc.Tests.Api;

/// <summary>
/// Publication and grants of models that the shop does not have: other schemas, columns that stay at home, partitions, rows that are only
/// inserted.
/// </summary>
public sealed class PublicationTests(PostgresServer postgres)
{
    private const string Tables = """
        CREATE SCHEMA sales;
        CREATE TABLE person (id int PRIMARY KEY, name text, phone text, twice int GENERATED ALWAYS AS (id * 2) STORED);
        CREATE TABLE sales.person (id int PRIMARY KEY, name text);
        CREATE TABLE sales.payment (day date, id int, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
        CREATE TABLE sales.payment_1 PARTITION OF sales.payment DEFAULT;
        CREATE TABLE visit (url text);
        """;

    private static readonly StarModel Model = new(
        [
            Table("person", Key("id", ColumnType.Int32), Column("name", ColumnType.String)),
            Table("person", Key("id", ColumnType.Int32), Column("name", ColumnType.String))
            with { Schema = "sales", Landing = "sales_person" },
            Table("payment", Key("day", ColumnType.Date), Key("id", ColumnType.Int32)) with { Schema = "sales" },
            Table("visit", Column("url", ColumnType.String)) with { AppendOnly = true },
        ],
        []);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_has_each_table_with_the_mirrored_columns_partitions_as_their_root_and_inserts_only_where_there_is_no_key()
    {
        var database = await MadeAsync();
        (await RepairAsync(database)).Should().Equal("publication all is missing", "publication all_append_only is missing");
        (await RepairAsync(database)).Should().BeEmpty();

        (await PublishedAsync(database)).Should()
            .Be("all public.person {id,name}|all sales.payment {day,id}|all sales.person {id,name}|all_append_only public.visit {url}");
        (await database.ScalarAsync<bool>("SELECT pubviaroot AND pubupdate FROM pg_publication WHERE pubname = 'all'", Cancel)).Should()
            .BeTrue();
        // An update of a table without a key would fail in the application, if it were published.
        await database.ExecuteAsync("INSERT INTO visit VALUES ('/'); UPDATE visit SET url = '/home'", Cancel);
    }

    [Theory]
    [InlineData("ALTER PUBLICATION \"all\" SET TABLE person, sales.person, sales.payment",
        "publication all: has all columns of person, of which id, name are mirrored")]
    [InlineData("ALTER PUBLICATION \"all\" SET TABLE person (id), sales.person, sales.payment",
        "publication all: has the columns id of person, of which id, name are mirrored")]
    [InlineData("ALTER PUBLICATION \"all\" SET TABLE person (id, name), sales.payment", "publication all: lacks sales.person")]
    [InlineData("ALTER PUBLICATION \"all\" SET TABLE person (id, name), sales.person (id), sales.payment",
        "publication all: filters sales.person, of which it has only the columns id")]
    [InlineData("ALTER PUBLICATION \"all\" SET (publish_via_partition_root = false)",
        "publication all shows partitions in the place of their table")]
    [InlineData("ALTER PUBLICATION all_append_only SET (publish = 'insert, update')",
        "publication all_append_only publishes more than inserts")]
    public async Task What_drifted_is_named_and_repaired(string drift, string complaint)
    {
        var database = await MadeAsync();
        await RepairAsync(database);
        var before = await PublishedAsync(database);
        await database.ExecuteAsync(drift, Cancel);

        (await RepairAsync(database)).Should().Equal(complaint);
        (await RepairAsync(database)).Should().BeEmpty();
        (await PublishedAsync(database)).Should().Be(before);
    }

    [Fact]
    public async Task The_role_may_use_every_schema_and_read_every_table_of_the_model()
    {
        var database = await MadeAsync();
        await using var connection = await OpenAsync(database);
        for (var round = 0; round < 2; round++)
        {
            foreach (var repair in await ReplicationRole.FindRepairsAsync(connection, $"cdc_{database.Name}", "secret", Model, Cancel))
                await database.ExecuteAsync(repair.Statement, Cancel);
        }

        (await ReplicationRole.FindRepairsAsync(connection, $"cdc_{database.Name}", "secret", Model, Cancel)).Should().BeEmpty();
        var role = new NpgsqlConnectionStringBuilder(
            database.ConnectionString)
        { Username = $"cdc_{database.Name}", Password = "secret", Pooling = false }.ConnectionString;
        (await (database with { ConnectionString = role }).ScalarAsync<long>(
            "SELECT count(*) FROM sales.person, sales.payment, person, visit", Cancel)).Should().Be(0);
    }

    [Fact]
    public async Task A_table_that_is_published_whole_may_have_all_columns_for_its_identity()
    {
        var database = await MadeAsync();
        await database.ExecuteAsync("ALTER TABLE sales.person REPLICA IDENTITY FULL", Cancel);
        await RepairAsync(database);
        await database.ExecuteAsync("INSERT INTO sales.person VALUES (1, 'a'); UPDATE sales.person SET name = 'b'", Cancel);
        (await database.ScalarAsync<string>("SELECT name FROM sales.person", Cancel)).Should().Be("b");
    }

    [Theory]
    [InlineData("DROP TABLE sales.person", "*the model mirrors sales.person, and the database has no such table*")]
    [InlineData("ALTER TABLE person DROP COLUMN name", "*the model mirrors person.name, and the table has no such column*")]
    [InlineData("ALTER TABLE person REPLICA IDENTITY FULL", "person has REPLICA IDENTITY FULL, and PostgreSQL refuses every UPDATE and " +
        "DELETE of such a table once it is published without phone, twice: ALTER TABLE \"public\".\"person\" REPLICA IDENTITY DEFAULT.")]
    public async Task What_cannot_be_published_is_said(string change, string complaint)
    {
        var database = await MadeAsync();
        await database.ExecuteAsync(change, Cancel);
        await FluentActions.Awaiting(() => RepairAsync(database)).Should().ThrowAsync<InitDbException>().WithMessage(complaint);
    }

    private async Task<TestDatabase> MadeAsync()
    {
        var database = await postgres.CreateDatabaseAsync(Cancel);
        await database.ExecuteAsync(Tables, Cancel);
        return database;
    }

    private static async Task<IReadOnlyList<string>> RepairAsync(TestDatabase database)
    {
        await using var connection = await OpenAsync(database);
        var repairs = await Publication.FindRepairsAsync(connection, "all", Model, Cancel);
        foreach (var repair in repairs)
            await database.ExecuteAsync(repair.Statement, Cancel);
        return [.. repairs.Select(repair => repair.Difference)];
    }

    private static async Task<NpgsqlConnection> OpenAsync(TestDatabase database)
    {
        var connection = new NpgsqlConnection(database.ConnectionString);
        await connection.OpenAsync(Cancel);
        return connection;
    }

    private static Task<string?> PublishedAsync(TestDatabase database) => database.ScalarAsync<string?>(
        "SELECT string_agg(format('%s %s.%s %s', pubname, schemaname, tablename, attnames), '|' ORDER BY pubname, schemaname, " +
        "tablename) FROM pg_publication_tables", Cancel);
}
