using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using AspireCdc.ClickHouseMigrator;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;
using AspireCdc.Tests.Fixtures;
using AspireCdc.Tests.Kafka;
using AwesomeAssertions;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>Follows docs/adding-a-table.md: its SQL is run as it stands there, and its mapping is the one below.</summary>
public sealed partial class AddingATableTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
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

        shop.Model = Extended;
        await shop.StartStreamingAsync(Cancel);
        await ExpectAsync("1\tHammer\t5\n2\tSaw\t3\n");

        await shop.ExecuteAsync("INSERT INTO review (product_id, rating, comment) VALUES (1, 1, 'broke'); UPDATE product SET name = 'Heavy hammer' WHERE id = 1; DELETE FROM product WHERE id = 2", Cancel);
        await ExpectAsync("1\tHeavy hammer\t5\n3\tHeavy hammer\t1\n");
        (await shop.QueryAsync("SELECT review_id, comment FROM review_landing ORDER BY review_id", Cancel)).Should().Be("1\t\\N\n3\tbroke\n");

        Task ExpectAsync(string rows) =>
            Wait.ForAsync(() => shop.QueryAsync("SELECT review_id, product_name, rating FROM review_fact ORDER BY review_id", Cancel), found => found == rows, $"the facts; log:\n{shop.Log}\n", Cancel);
    }

    [Fact]
    public async Task Redpanda_connects_configuration_takes_the_table_as_the_page_says_and_its_messages_arrive()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "adding-a-table.md"), Cancel);
        var connect = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "redpanda-connect", "connect.yaml"), Cancel);
        var lines = Block().Matches(page).Where(block => block.Groups[1].Value == "yaml").Select(block => block.Groups[2].Value.TrimEnd()).ToList();
        lines.Should().HaveCount(2);
        foreach (var line in lines)
        {
            // The page shows the line as it is to be; without the new table it stands in the file, once.
            var before = line.Replace(", review", "").Replace(", \"review\"", "");
            connect.Split(before).Should().HaveCount(2, before);
            connect = connect.Replace(before, line);
        }

        using var text = new StringReader(connect);
        var yaml = new YamlStream();
        yaml.Load(text);
        var root = yaml.Documents[0].RootNode;
        ((YamlSequenceNode)root["input"]["postgres_cdc"]["tables"]).Select(table => ((YamlScalarNode)table).Value).Should().Equal("customer", "product", "order", "orderitem", "review");
        // No third list of tables was forgotten.
        root.AllNodes.OfType<YamlScalarNode>().Where(node => node.Value!.Contains("orderitem")).Select(node => node.Value)
            .Should().Equal("orderitem", "![\"customer\", \"product\", \"order\", \"orderitem\", \"review\"].contains(@table)");

        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        foreach (var statement in SqlScript.Split(Block().Matches(page).Where(block => block.Groups[1].Value == "sql").ElementAt(2).Groups[2].Value))
            await behind.Shop.QueryAsync(statement, Cancel);
        behind.Shop.Model = Extended;
        await behind.StartAsync(Cancel);
        await behind.SendAsync(
            Messages.Product(1, "Hammer"),
            Messages.Row("review", "insert", 7, new() { ["product_id"] = 1, ["rating"] = 5, ["comment"] = null, ["created_at"] = "2026-01-02T03:04:05Z" }),
            Messages.Product(1, "Heavy hammer", "update"));
        await behind.WaitForAsync("SELECT review_id, product_name, rating FROM review_fact", "7\tHeavy hammer\t5", Cancel);
    }

    private static Model Extended => new([.. ShopModel.Instance.Tables, .. Tables], [.. ShopModel.Instance.Facts, .. Facts]);

    private static string Squeeze(string text) => Whitespace().Replace(text, "");

    private static string ThisFile([CallerFilePath] string path = "") => path;

    [GeneratedRegex("```(sql|csharp|yaml)\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Whitespace();
}
