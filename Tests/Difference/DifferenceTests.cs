using AspireCdc.ClickHouseMigrator;
using AspireCdc.Star.Difference;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;
using static AspireCdc.Tests.Fixtures.Mapped;

namespace AspireCdc.Tests.Difference;

/// <summary>
/// Every kind of change, on a ClickHouse with rows: each statement may run twice, and so may all of them; afterwards the tables are those
/// that the new model makes from nothing, the rows are there, and
/// what lands still finds its way.
/// </summary>
public sealed class DifferenceTests(ClickHouseServer clickhouse)
{
    private static readonly ColumnMapping Id = Key("id", ColumnType.Int32, "item_id");
    private static readonly ColumnMapping Shop = Column("shop_id", ColumnType.Int32);
    private static readonly ColumnMapping Name = Column("name", ColumnType.String);
    private static readonly ColumnMapping Amount = Column("amount", ColumnType.Int64);
    private static readonly Companion ByShop = new("item_by_shop", ["shop_id"]);

    private static readonly TableMapping Shops = Table("shop", Key("id", ColumnType.Int32, "shop_id"), Column("city", ColumnType.String));
    private static readonly TableMapping Items = Table("item", Id, Shop, Name, Amount) with { Companions = [ByShop] };
    private static readonly FactMapping Fact = new()
    {
        Name = "item_fact",
        Root = "item",
        Parents = [new("shop", "shop", "root", ["shop_id"], "item_by_shop")],
        Columns = [new("item_id", ColumnType.Int32, "root.item_id", IsKey: true), new("city", ColumnType.String, "shop.city")],
    };

    private static readonly StarModel Before = new([Items, Shops], [Fact]);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string> Changes => [.. Cases.Keys];

    private static Dictionary<string, Case> Cases { get; } = new()
    {
        ["a new column"] = new(
            With(Items with { Columns = [Id, Shop, Column("colour", ColumnType.Nullable(ColumnType.String)), Name, Amount] }),
            "item gets the column colour; the processor copies item again, beside the stream.",
            Rows: "1\t10\t\\N\ta\t100\n2\t20\t\\N\tb\t200\n"),
        ["a wider type"] = new(
            With(Items with
            {
                Columns =
                [Id, Shop, Name with { Type = ColumnType.Category }, Amount with { Type = ColumnType.Nullable(ColumnType.Int64) }]
            }),
            "item.name is widened from String to LowCardinality(String); the processor copies item again, beside the stream.",
            Rows: "1\t10\ta\t100\n2\t20\tb\t200\n"),
        ["a narrower type"] = new(
            With(Items with { Columns = [Id, Shop, Name, Amount with { Type = ColumnType.Int16 }] }),
            "item is made anew with its rows, since amount is Int16 and was Int64; the processor copies item again, beside the stream.",
            Rows: "1\t10\ta\t100\n2\t20\tb\t200\n"),
        ["an array in the place of a number"] = new(
            With(Items with { Columns = [Id, Shop, Name, Amount with { Type = new ArrayType(ColumnType.Int32) }] }),
            "item is made anew with its rows, since amount is Array(Int32) and was Int64; the processor copies item again, beside the " +
            "stream.",
            Rows: "1\t10\ta\t[]\n2\t20\tb\t[]\n"),
        ["a wider key"] = new(
            With(Items with { Columns = [Id with { Type = ColumnType.Int64 }, Shop, Name, Amount] }),
            "item is made anew with its rows, since its key is another one (item_id)", Rows: "1\t10\ta\t100\n2\t20\tb\t200\n"),
        ["a renamed key"] = new(
            With(Items with { Columns = [Id with { Landing = "thing_id" }, Shop, Name, Amount] },
                Fact with { Columns = [Fact.Columns[0] with { Expression = "root.thing_id" }, Fact.Columns[1]] }),
            "item_by_shop is dropped, to be made anew.", Rows: "1\t10\ta\t100\n2\t20\tb\t200\n"),
        ["a longer key"] = new(
            With(Items with { Columns = [Id, Shop with { IsKey = true }, Name, Amount] }), "its key is another one (item_id, shop_id)",
            Rows: "1\t10\ta\t100\n2\t20\tb\t200\n"),
        ["a column renamed in ClickHouse"] = new(
            With(Items with { Columns = [Id, Shop, Name with { Landing = "title" }, Amount] }), "item.name is called title from now on",
            Rows: "1\t10\ta\t100\n2\t20\tb\t200\n"),
        ["a pointing column renamed in ClickHouse"] = new(
            With(
                Items with
                {
                    Columns = [Id, Shop with { Landing = "store_id" }, Name, Amount],
                    Companions = [ByShop with { Columns = ["store_id"] }]
                },
                Fact with { Parents = [Fact.Parents[0] with { Columns = ["store_id"] }] }),
            "item.shop_id is called store_id from now on", Rows: "1\t10\ta\t100\n2\t20\tb\t200\n"),
        ["a column renamed in PostgreSQL"] = new(
            With(Items with { Columns = [Id, Shop, Name with { Source = "title" }, Amount] }),
            "item.name mirrors item.title, which was called name; the processor copies item again, beside the stream.",
            Rows: "1\t10\ta\t100\n2\t20\tb\t200\n"),
        ["a column renamed in both"] = new(
            With(Items with { Columns = [Id, Shop, new("title", "", "title", ColumnType.String), Amount] }),
            "item.name is called title from now on",
            Rows: "1\t10\ta\t100\n2\t20\tb\t200\n",
            Said: new() { ColumnsWere = new Dictionary<(string, string), string> { [("item", "title")] = "name" } }),
        ["a column gone"] = new(
            With(Items with { Columns = [Id, Shop, Amount] }), "item loses the column name, with its values.",
            Rows: "1\t10\t100\n2\t20\t200\n", Said: new() { DroppedColumns = new HashSet<(string, string)> { ("item", "name") } }),
        ["a pointing column that becomes optional"] = new(
            With(Items with { Columns = [Id, Shop with { Type = ColumnType.Nullable(ColumnType.Int32) }, Name, Amount] }),
            "item.shop_id is widened from Int32 to Nullable(Int32)",
            Rows: "1\t10\ta\t100\n2\t20\tb\t200\n"),
        ["a companion that no fact needs"] = new(
            With(Items with { Companions = [] }, Fact with { Parents = [], Columns = [Fact.Columns[0]] }),
            "item_by_shop is dropped: no fact needs it any more.",
            Rows: "1\t10\ta\t100\n2\t20\tb\t200\n"),
        ["a companion more"] = new(
            With(Items with { Companions = [new("item_by_amount", ["amount"]), ByShop] }),
            "item_by_amount is filled with what item holds already.", Rows: "1\t10\ta\t100\n2\t20\tb\t200\n"),
        ["a landing table of another name"] =
            new(With(Items with { Landing = "item_dim" }), "item is called item_dim from now on.", Rows: "1\t10\ta\t100\n2\t20\tb\t200\n"),
        ["a table renamed in PostgreSQL"] = new(
            new([Items with { Name = "thing", Companions = [new("thing_by_shop", ["shop_id"])] }, Shops],
                [Fact with { Root = "thing", Parents = [Fact.Parents[0] with { Companion = "thing_by_shop" }] }]),
            "item mirrors thing, which was called item", Rows: "1\t10\ta\t100\n2\t20\tb\t200\n",
            Said: new() { TablesWere = new Dictionary<string, string> { ["thing"] = "item" } }),
        ["a fact changed"] = new(
            With(Items, Fact with { Columns = [.. Fact.Columns, new("name", ColumnType.String, "root.name")] }),
            "item_fact is derived anew beside the old one, which readers see until the two are exchanged: new name.",
            Rows: "1\t10\ta\t100\n2\t20\tb\t200\n"),
        ["a fact renamed"] = new(
            With(Items, Fact with { Name = "thing_fact" }), "item_fact is called thing_fact from now on.",
            Rows: "1\t10\ta\t100\n2\t20\tb\t200\n",
            Said: new() { FactsWere = new Dictionary<string, string> { ["thing_fact"] = "item_fact" } }),
        ["a fact gone"] = new(
            new([Items with { Companions = [] }, Shops], []), "item_fact is dropped, with its rows: the fact is no longer defined.",
            Rows: "1\t10\ta\t100\n2\t20\tb\t200\n",
            Said: new() { Dropped = new HashSet<string> { "item_fact" } }),
        ["a table gone"] = new(
            new([Items with { Companions = [] }], []), "shop is dropped, with its rows: shop is no longer mirrored.",
            Rows: "1\t10\ta\t100\n2\t20\tb\t200\n",
            Said: new() { Dropped = new HashSet<string> { "item_fact", "shop" } }),
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task A_change_keeps_the_rows_and_ends_as_if_it_had_always_been_so(string change)
    {
        var (after, sentence, rows, said) = Cases[change];
        var database = await MadeAsync(Before);
        await database.QueryAsync(
            "INSERT INTO item (item_id, shop_id, name, amount, version) VALUES (1, 10, 'a', 100, 1), (2, 20, 'b', 200, 2)", Cancel);
        await database.QueryAsync("INSERT INTO item (item_id, is_deleted, version) VALUES (3, 1, 3)", Cancel);

        var difference = ModelDifference.Between(Before, after, said ?? SaidChanges.Nothing);
        difference.Faults.Should().BeEmpty();
        string.Join('\n', difference.Operations.Select(operation => operation.Sentence)).Should().Contain(sentence);

        var script = SqlScript.Split(MigrationScript.Write(difference)).ToList();
        foreach (var upTo in Enumerable.Range(1, script.Count).Append(script.Count))
        {
            // A kill after any statement, and all of them again.
            if (upTo == script.Count || upTo % 3 == 0)
            {
                foreach (var statement in script.Take(upTo))
                    await database.QueryAsync(statement, Cancel);
            }
        }

        var items = after.Find("item") ?? after.Table("thing");
        (await database.QueryAsync(
            $"SELECT {string.Join(", ", items.Columns.Select(column => column.Landing))} FROM {items.Landing} ORDER BY 1", Cancel))
                .Should().Be(rows);
        (await database.QueryAsync(
            $"SELECT is_deleted, version FROM {items.Landing} WHERE {items.KeyColumns.First()} = 3 SETTINGS final = 0", Cancel)).Should()
                .Be("1\t3\n", "tombstones stay");
        (await SchemaAsync(database, after)).Should().Be(await SchemaAsync(await MadeAsync(after), after));

        // A view that reads what is no longer there would fail this.
        await database.QueryAsync($"INSERT INTO {items.Landing} ({items.KeyColumns.First()}, version) VALUES (4, 4)", Cancel);
        foreach (var companion in items.Companions)
        {
            (await database.QueryAsync($"SELECT DISTINCT {items.KeyColumns.First()} FROM {companion.Name} ORDER BY 1", Cancel))
                .Should().BeOneOf("1\n2\n4\n", "1\n2\n");
        }
        (await database.QueryAsync(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE '%\\_\\_next' AND name != 'item_fact__next'",
            Cancel)).Should().BeEmpty();
    }

    [Fact]
    public async Task A_nullable_foreign_keys_companion_has_the_rows_that_point_somewhere()
    {
        var items = Items with { Columns = [Id, Shop with { Type = ColumnType.Nullable(ColumnType.Int32) }, Name, Amount] };
        var database = await MadeAsync(new([items, Shops], []));
        await database.QueryAsync("INSERT INTO item (item_id, shop_id, version) VALUES (1, 10, 1), (2, NULL, 2), (3, 0, 3)", Cancel);
        (await database.QueryAsync("SELECT shop_id, item_id FROM item_by_shop ORDER BY item_id", Cancel)).Should().Be("10\t1\n0\t3\n");
        (await database.QueryAsync("SELECT toTypeName(shop_id) FROM item_by_shop LIMIT 1", Cancel)).Should().Be("Int32\n");
    }

    [Theory]
    [InlineData("Int8", "Int16", true), InlineData("Int16", "Int8", false), InlineData("UInt8", "Int16", true),
        InlineData("UInt8", "UInt64", true)]
    [InlineData("UInt32", "Int32", false), InlineData("Int8", "UInt64", false), InlineData("UInt16", "Int64", true),
        InlineData("UInt64", "Int64", false)]
    [InlineData("Time64(6)", "Nullable(Time64(6))", true), InlineData("Nullable(UInt8)", "UInt8", false),
        InlineData("Decimal(5, 2)", "Decimal(6, 3)", true)]
    [InlineData("Decimal(5, 2)", "Decimal(6, 4)", false), InlineData("Date32", "DateTime64(6, 'UTC')", false),
        InlineData("Float32", "Float64", true)]
    public void A_type_is_wider_that_has_an_equal_of_each_value(string from, string to, bool isWider) =>
        Conversion.IsWider(Parsed(from), Parsed(to)).Should().Be(isWider);

    [Fact]
    public void Equal_models_differ_in_nothing() =>
        ModelDifference.Between(Before, StarFile.Parse(StarFile.Write(Before), "star.json"), SaidChanges.Nothing).Operations.Should()
        .BeEmpty();

    [Fact]
    public void What_cannot_be_told_is_refused_until_it_is_said()
    {
        Refused(With(Items with { Columns = [Id, Shop, Column("title", ColumnType.String), Amount] }))
            .Should()
            .Equal("the column item.name is gone: say [Dropped(\"name\")] on its entity if its values in item shall go, or " +
                "[WasCalled(\"name\")] on the property that it became");
        Refused(new([Items with { Companions = [] }], [])).Should().Equal(
            "the fact item_fact is gone: say [Dropped(\"item_fact\")] on the context if the table shall go, or " +
            "[WasCalled(\"item_fact\")] on the fact that it became",
            "the table shop is gone: say [Dropped(\"shop\")] on the context if its rows in shop shall go, or [WasCalled(\"shop\")] on " +
            "the entity that it became");

        static IReadOnlyList<string> Refused(StarModel after) => ModelDifference.Between(Before, after, SaidChanges.Nothing).Faults;
    }

    private static ColumnType Parsed(string name) => ColumnType.TryParse(name, out var type) ? type : throw new ArgumentException(name);

    private static StarModel With(TableMapping items, FactMapping? fact = null) => new([items, Shops], [fact ?? Fact]);

    private async Task<TestClickHouse> MadeAsync(StarModel model)
    {
        var database = await clickhouse.CreateDatabaseAsync(Cancel);
        foreach (var statement in SqlScript.Split(
            MigrationScript.Write(ModelDifference.Between(StarModel.Empty, model, SaidChanges.Nothing))))
            await database.QueryAsync(statement, Cancel);
        return database;
    }

    /// <summary>All tables as they are made; of a fact that is derived anew, the one beside it.</summary>
    private static async Task<string> SchemaAsync(TestClickHouse database, StarModel model)
    {
        var rows = await database.QueryAsync(
            "SELECT replaceAll(name, '__next', ''), replaceAll(replaceAll(create_table_query, '__next', ''), currentDatabase(), 'db') " +
            "FROM system.tables WHERE database = currentDatabase() ORDER BY name FORMAT TSVRaw", Cancel);
        var facts = model.Facts.Select(fact => fact.Fingerprint).ToHashSet();
        return string.Join('\n', rows.Split('\n').Where(row => !row.Contains("COMMENT '") || facts.Any(row.Contains)));
    }

    private sealed record Case(StarModel After, string Sentence, string Rows, SaidChanges? Said = null);
}
