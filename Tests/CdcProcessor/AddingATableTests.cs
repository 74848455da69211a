using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using AspireCdc.CdcProcessor.Mapping;
using AspireCdc.ClickHouseMigrator;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;
using static AspireCdc.CdcProcessor.Mapping.ColumnMapping;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>Follows docs/adding-a-table.md: its SQL is run as it stands there, and its mapping is the one below.</summary>
public sealed partial class AddingATableTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static TableMapping[] Tables { get; } =
    [
        new("review", "review_landing",
            Key("id", "review_id", ColumnType.Int64),
            new("product_id", "product_id", ColumnType.Int64),
            new("rating", "rating", ColumnType.Int32),
            new("comment", "comment", ColumnType.Nullable(ColumnType.String)),
            new("created_at", "created_at", ColumnType.Timestamp)),
    ];

    private static FactMapping[] Facts { get; } =
    [
        new("review_fact", Root: "review",
            Parents: [new("product", Child: "review", Via: "product_id", Companion: "review_by_product")],
            Columns:
            [
                new("review_id", "review.review_id"),
                new("product_id", "review.product_id"),
                new("product_name", "product.product_name"),
                new("category", "product.category"),
                new("rating", "review.rating"),
            ]),
    ];

    [Fact]
    public async Task A_fifth_table_is_an_entity_a_migration_and_a_mapping_entry()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "adding-a-table.md"), Cancel);
        var blocks = Block().Matches(page).Select(block => (Language: block.Groups[1].Value, Text: block.Groups[2].Value)).ToList();
        var sql = blocks.Where(block => block.Language == "sql").Select(block => block.Text).ToList();
        sql.Should().HaveCount(3);
        var own = Squeeze(await File.ReadAllTextAsync(ThisFile(), Cancel));
        foreach (var (_, mapping) in blocks.Where(block => block.Language == "csharp"))
            own.Should().Contain(Squeeze(mapping));

        await using var shop = await Shop.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync("INSERT INTO product (name, category, price) VALUES ('Hammer', 'Tools', 9.99), ('Saw', 'Tools', 19.99)", Cancel);
        await shop.StopAsync(await shop.StartStreamingAsync(Cancel));

        await shop.ExecuteAsync(sql[0], Cancel);
        await shop.ExecuteAsync(sql[1].Split('\n')[0], Cancel);
        await shop.ExecuteAsync("INSERT INTO review (product_id, rating) VALUES (1, 5), (2, 3)", Cancel);
        foreach (var statement in SqlScript.Split(sql[2]))
            await shop.QueryAsync(statement, Cancel);

        shop.Model = new Model([.. ShopModel.Instance.Tables, .. Tables], [.. ShopModel.Instance.Facts, .. Facts]);
        await shop.StartStreamingAsync(Cancel);
        await ExpectAsync("1\tHammer\t5\n2\tSaw\t3\n");

        await shop.ExecuteAsync("INSERT INTO review (product_id, rating, comment) VALUES (1, 1, 'broke'); UPDATE product SET name = 'Heavy hammer' WHERE id = 1; DELETE FROM product WHERE id = 2", Cancel);
        await ExpectAsync("1\tHeavy hammer\t5\n3\tHeavy hammer\t1\n");
        (await shop.QueryAsync("SELECT review_id, comment FROM review_landing ORDER BY review_id", Cancel)).Should().Be("1\t\\N\n3\tbroke\n");

        Task ExpectAsync(string rows) =>
            Wait.ForAsync(() => shop.QueryAsync("SELECT review_id, product_name, rating FROM review_fact ORDER BY review_id", Cancel), found => found == rows, $"the facts; log:\n{shop.Log}\n", Cancel);
    }

    private static string Squeeze(string text) => Whitespace().Replace(text, "");

    private static string ThisFile([CallerFilePath] string path = "") => path;

    [GeneratedRegex("```(sql|csharp)\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Whitespace();
}
