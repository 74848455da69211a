using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>Batches whose keys travel beside the statement instead of in it.</summary>
public sealed class ManyKeysTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private static readonly TableMapping Note =
        Mapped.Table("note", Mapped.Key("id", ColumnType.Int64), Mapped.Key("name", ColumnType.String));
    private static readonly string[] Names = ["it's", "back\\slash", "new\nline", "tab\t", "(1,2),(3", "größer", ""];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static string NamesLiteral => $"[{string.Join(", ", Names.Select(ClickHouseSql.Quote))}]";

    [Fact]
    public async Task Thousands_of_roots_and_of_parents_in_one_transaction_are_derived()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.StartStreamingAsync(Cancel);

        await shop.ExecuteAsync(
            """
            INSERT INTO customer (email, name, country, city) SELECT i || '@x.org', 'Customer ' || i, 'CH', 'Bern'
                FROM generate_series(1, 900) i;
            INSERT INTO product (name, category, price) SELECT 'Product ' || i, 'Tools', i FROM generate_series(1, 700) i;
            INSERT INTO "order" (customer_id, total) SELECT 1 + i % 900, i FROM generate_series(1, 2000) i;
            INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT 1 + i % 2000, 1 + i % 700, 1, 2.50
                FROM generate_series(1, 5000) i;
            """, Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);

        await shop.ExecuteAsync(
            "UPDATE customer SET city = 'Basel' WHERE id % 2 = 0; UPDATE product SET category = 'Toys' WHERE id % 2 = 0; DELETE FROM " +
            "\"order\" WHERE id % 5 = 0", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    [Fact]
    public async Task A_lone_change_shows_in_as_many_facts_as_fit_into_a_statement_and_in_one_more()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.StartStreamingAsync(Cancel);
        await shop.ExecuteAsync(
            $"""
            INSERT INTO customer (email, name, country, city) SELECT i || '@x.org', 'Customer ' || i, 'CH', 'Bern'
                FROM generate_series(1, 3) i;
            INSERT INTO "order" (customer_id, total) SELECT 1, i FROM generate_series(1, {KeySet.Few}) i;
            INSERT INTO "order" (customer_id, total) SELECT 2, i FROM generate_series(1, {KeySet.Few + 1}) i;
            """, Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);

        foreach (var customer in (int[])[1, 2, 3])
        {
            await shop.ExecuteAsync($"UPDATE customer SET city = 'Basel' WHERE id = {customer}", Cancel);
            await shop.AssertStarEqualsJoinAsync(Cancel);
        }
    }

    [Theory]
    [InlineData(7)]
    [InlineData(1000)]
    public async Task Composite_and_text_keys_arrive_as_they_are(int count)
    {
        var database = await clickhouse.CreateDatabaseAsync(Cancel);
        using var client = new ClickHouseClient(database.ConnectionString);
        using var batch = new ChangeBatch();
        using var keys = new KeySet(Note);
        var relation = Relation.Of(Note);
        for (var i = 0; i < count; i++)
        {
            var row = batch.AddRow(relation.Columns.Count);
            batch.SetText(row, 0, Encoding.UTF8.GetBytes(i.ToString(CultureInfo.InvariantCulture)));
            batch.SetText(row, 1, Encoding.UTF8.GetBytes(Names[i % Names.Length]));
            keys.Add(batch, relation, row);
        }

        var (set, table) = keys.In("changed");

        (table is null).Should().Be(count <= KeySet.Few);
        var found =
            await client.ReadAsync(
                $"SELECT toInt64(count()) FROM numbers({count * 2}) WHERE (toInt64(number), {NamesLiteral}[number % {Names.Length} + " +
                $"1]) IN {set}", table is null ? [] : [table], Cancel);
        BinaryPrimitives.ReadInt64LittleEndian(found.Span).Should().Be(count);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(1000)]
    public async Task The_roots_under_a_changed_parent_are_read_in_pages(int count)
    {
        var database = await clickhouse.CreateDatabaseAsync(Cancel);
        using var client = new ClickHouseClient(database.ConnectionString);
        await client.ExecuteAsync(
            "CREATE TABLE note_by_author (author_id Int64, id Int64, name String) ENGINE = MergeTree ORDER BY author_id", Cancel);
        await client.ExecuteAsync(
            $"INSERT INTO note_by_author SELECT 5, number, {NamesLiteral}[number % {Names.Length} + 1] FROM numbers({count})", Cancel);
        var author = Mapped.Table("author", Mapped.Key("id", ColumnType.Int64, "author_id"));
        var fact = new FactTable(
            new StarModel([author, Note], []),
            new FactMapping
            {
                Name = "note_fact",
                Root = "note",
                Parents = [new("author", "author", FactMapping.RootAlias, ["author_id"], "note_by_author")],
                Columns = []
            }, "note_fact");
        using var batch = new ChangeBatch();
        using var changed = new KeySet(author);
        var row = batch.AddRow(1);
        batch.SetText(row, 0, "5"u8);
        changed.Add(batch, Relation.Of(author), row);
        var (children, tables) = fact.Affected(new Dictionary<string, KeySet> { ["author"] = changed })!.Value;

        using var due = new KeySet(Note);
        var counts = new List<int>();
        string? after = null;
        do
        {
            var page = fact.ReadPage(await client.ReadAsync(fact.Page(children, after, limit: 400), tables, Cancel));
            counts.Add(page.Count);
            due.Add(page.Count, page.Rows.Span, page.Literals);
            after = page.Last;
        }
        while (counts[^1] == 400);

        counts.Should().Equal(count == 7 ? [7] : [400, 400, 200]);
        after.Should().Be(count == 7 ? "(6,'')" : "(999,'größer')");
        var (set, table) = due.In("changed");
        var found = await client.ReadAsync(
            $"SELECT toInt64(count()) FROM note_by_author WHERE (id, name) IN {set}", table is null ? [] : [table], Cancel);
        BinaryPrimitives.ReadInt64LittleEndian(found.Span).Should().Be(count);
    }
}
