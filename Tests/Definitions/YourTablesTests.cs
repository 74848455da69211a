using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using AspireCdc.Api.InitDb;
using AspireCdc.ClickHouseMigrator;
using AspireCdc.ClickHouseMigrator.Commands;
using AspireCdc.ClickHouseMigrator.Definitions;
using AspireCdc.Star.Model;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using ClickHouse.Driver.ADO;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Xunit;
using YamlDotNet.RepresentationModel;
using Migration = AspireCdc.ClickHouseMigrator.Migration;

namespace AspireCdc.Tests.Definitions;

/// <summary>Follows docs/your-tables.md from an EF Core solution to a live star: its C# is the one beside this file.</summary>
public sealed partial class YourTablesTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_table_more_is_an_entity_a_fact_and_two_commands()
    {
        var blocks = await BlocksAsync();
        var own = Squeeze(await File.ReadAllTextAsync(Path.Combine(Path.GetDirectoryName(ThisFile())!, "Market.cs"), Cancel));
        foreach (var (_, code) in blocks.Where(block => block.Language == "csharp").Take(3))
            own.Should().Contain(Squeeze(code));

        // What there is before.
        using var folder = new TemporaryFolder();
        var model = new ModelFolder(folder.Path);
        using var before = new MarketContext();
        new AddCommand(DefinitionReader.Read(before, []), model, TextWriter.Null).Add("star");
        var source = await postgres.CreateDatabaseAsync(Cancel);
        await source.ExecuteAsync(before.Database.GenerateCreateScript(), Cancel);
        await source.ExecuteAsync(
            "INSERT INTO product (name, category, price) VALUES ('Hammer', 'Tools', 9.99), ('Saw', 'Tools', 19.99)", Cancel);
        await InitAsync(source, model.ReadModel());
        var target = await clickhouse.CreateDatabaseAsync(Cancel);
        await MigrateAsync(target, model);
        await using var store = Store.Over(source, target, model.ReadModel());
        await store.StopAsync(await store.StartStreamingAsync(Cancel));

        // dotnet ef migrations add Reviews
        using var after = new ReviewedContext();
        await source.ExecuteAsync(DifferenceOf(before, after), Cancel);
        await source.ExecuteAsync("INSERT INTO review (product_id, rating) VALUES (1, 5), (2, 3)", Cancel);

        // ClickHouseMigrator add Reviews
        var said = new StringWriter();
        new AddCommand(DefinitionReader.Read(after, [typeof(ReviewFact)]), model, said).Add("Reviews");
        File.Exists(Path.Combine(folder.Path, "002_Reviews.sql")).Should().BeTrue();
        said.ToString().ReplaceLineEndings("\n").Should().Contain(blocks.Single(block => block.Language == "text").Text);

        // init-db, migrator, processor
        await InitAsync(source, model.ReadModel());
        await MigrateAsync(target, model);
        store.Model = model.ReadModel();
        await store.StartStreamingAsync(Cancel);
        await ExpectAsync("1\tHammer\tTools\t5\n2\tSaw\tTools\t3\n");

        await source.ExecuteAsync(
            "INSERT INTO review (product_id, rating, comment) VALUES (1, 1, 'broke'); UPDATE product SET name = 'Heavy hammer' WHERE id " +
            "= 1; DELETE FROM product WHERE id = 2", Cancel);
        await ExpectAsync("1\tHeavy hammer\tTools\t5\n3\tHeavy hammer\tTools\t1\n");
        (await target.QueryAsync("SELECT review_id, comment FROM review_landing ORDER BY review_id", Cancel)).Should()
            .Be("1\t\\N\n3\tbroke\n");

        Task ExpectAsync(string rows) => Wait.ForAsync(
            () => target.QueryAsync("SELECT review_id, product_name, category, rating FROM review_fact ORDER BY review_id", Cancel),
                found => found == rows,
            $"the facts; log:\n{store.Log}\n", Cancel, TimeSpan.FromMinutes(2));
    }

    [Fact]
    public async Task Redpanda_connects_configuration_takes_the_table_as_the_page_says()
    {
        var connect = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "redpanda-connect", "connect.yaml"), Cancel);
        var lines = (await BlocksAsync()).Where(block => block.Language == "yaml").Select(block => block.Text.TrimEnd()).ToList();
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
        ((YamlSequenceNode)root["input"]["postgres_cdc"]["tables"]).Select(table => ((YamlScalarNode)table).Value).Should()
            .Equal("customer", "product", "order", "orderitem", "review");
        // No third list of tables was forgotten.
        root.AllNodes.OfType<YamlScalarNode>().Where(node => node.Value!.Contains("orderitem")).Select(node => node.Value)
            .Should().Equal("orderitem", "![\"customer\", \"product\", \"order\", \"orderitem\", \"review\"].contains(@table)");
    }

    /// <summary>What <c>init-db</c> does after the migrations.</summary>
    private static async Task InitAsync(TestDatabase database, StarModel model)
    {
        await using var connection = new NpgsqlConnection(database.ConnectionString);
        await connection.OpenAsync(Cancel);
        foreach (var repair in await Publication.FindRepairsAsync(connection, Store.Publication, model, Cancel))
            await database.ExecuteAsync(repair.Statement, Cancel);
    }

    private static Task<int> MigrateAsync(TestClickHouse database, ModelFolder model) =>
        new Migrator(new ClickHouseConnectionStringBuilder(database.ConnectionString), null, NullLogger<Migrator>.Instance)
            .ApplyAsync(Migration.ReadFor(model.ModelFile), Cancel);

    private static string DifferenceOf(DbContext before, DbContext after)
    {
        var operations = after.GetService<IMigrationsModelDiffer>().GetDifferences(Relational(before), Relational(after));
        return string.Join('\n', after.GetService<IMigrationsSqlGenerator>()
            .Generate(operations, after.GetService<IDesignTimeModel>().Model).Select(command => command.CommandText));
    }

    private static IRelationalModel Relational(DbContext context) => context.GetService<IDesignTimeModel>().Model.GetRelationalModel();

    private static async Task<IReadOnlyList<(string Language, string Text)>> BlocksAsync() =>
        [.. Block().Matches(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "your-tables.md"), Cancel))
            .Select(block => (block.Groups[1].Value, block.Groups[2].Value))];

    private static string Squeeze(string text) => Whitespace().Replace(text, "");

    private static string ThisFile([CallerFilePath] string path = "") => path;

    [GeneratedRegex("```(csharp|text|yaml)\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Whitespace();
}
