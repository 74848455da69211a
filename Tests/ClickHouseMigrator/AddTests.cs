using System.Reflection;
using AspireCdc.ClickHouseMigrator;
using AspireCdc.ClickHouseMigrator.Commands;
using AspireCdc.ClickHouseMigrator.Definitions;
using AspireCdc.Star.Difference;
using AspireCdc.Star.Model;
using AspireCdc.Tests.Definitions;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.ClickHouseMigrator;

public sealed class AddTests
{
    private static readonly string Shop = Path.Combine(Repository.Root, "Shop", "ClickHouse");

    private readonly StringWriter _said = new();

    [Fact]
    public void The_shops_model_is_what_its_entities_and_facts_say() =>
        new AddCommand(DefinitionReader.Read(Assembly.Load("Shop")), new ModelFolder(Shop), _said).Check().Should()
        .BeTrue(_said.ToString());

    [Fact]
    public void The_schema_beside_the_model_is_the_one_that_the_program_reads() =>
        File.ReadAllText(Path.Combine(Shop, StarFile.SchemaName)).ReplaceLineEndings("\n").Should().Be(StarFile.WriteSchema());

    [Fact]
    public void The_first_migration_makes_all_tables_and_a_second_call_finds_nothing_to_add()
    {
        using var folder = new TemporaryFolder();
        var definition = Library();

        new AddCommand(definition, new(folder.Path), _said).Check().Should().BeFalse();
        new AddCommand(definition, new(folder.Path), _said).Add("star");
        new AddCommand(definition, new(folder.Path), _said).Check().Should().BeTrue();
        new AddCommand(definition, new(folder.Path), _said).Add("again");

        Files(folder).Should().Equal("001_star.sql", "star.json", "star.schema.json");
        _said.ToString().Should().Contain("reader_landing is made for the rows of reader; the processor copies them.")
            .And.Contain("reader_fact is made for the rows of reader; the processor derives it.")
            .And.Contain("Nothing to add: the definitions say what star.json says.");
        StarFile.Write(StarFile.Read(Path.Combine(folder.Path, StarFile.Name))).Should().Be(StarFile.Write(definition.Model));
    }

    [Fact]
    public void A_folder_that_was_deleted_is_made_again()
    {
        using var folder = new TemporaryFolder();
        var deleted = Path.Combine(folder.Path, "ClickHouse");

        new AddCommand(Library(), new(deleted), _said).Add("star");

        Directory.GetFiles(deleted).Select(Path.GetFileName).Should().BeEquivalentTo("001_star.sql", "star.json", "star.schema.json");
    }

    [Fact]
    public void What_is_written_by_hand_stands_between_and_numbers_go_on_after_it()
    {
        using var folder = new TemporaryFolder();
        var definition = Library();
        new AddCommand(definition, new(folder.Path), _said).Add("star");
        File.WriteAllText(Path.Combine(folder.Path, "007_projection.sql"), "SELECT 1");

        var fact = definition.Model.Facts[0];
        new AddCommand(Without(definition, fact), new(folder.Path), _said).Invoking(add => add.Add("less")).Should()
            .Throw<MigrationException>().Which.Message.Should()
            .StartWith("Nothing is written, since it cannot be told what became of something:").And.Contain($"[Dropped(\"{fact.Name}\")]");
        Files(folder).Should().NotContain("008_less.sql");

        var said = Without(definition, fact) with { Said = new SaidChanges { Dropped = new HashSet<string> { fact.Name } } };
        new AddCommand(said, new(folder.Path), _said).Add("less");
        Files(folder).Should().Contain("008_less.sql");
        File.ReadAllText(Path.Combine(folder.Path, "008_less.sql")).Should().Contain($"DROP TABLE IF EXISTS `{fact.Name}`;");
    }

    [Theory]
    [InlineData(""), InlineData("../up"), InlineData("two words")]
    public void A_migrations_name_is_a_files(string name)
    {
        using var folder = new TemporaryFolder();
        new AddCommand(Library(), new(folder.Path), _said).Invoking(add => add.Add(name)).Should().Throw<MigrationException>();
    }

    [Theory]
    [InlineData("add", "'add' wants a name")]
    [InlineData("discover", "'discover' wants the database's connection string")]
    [InlineData("nonsense", "does not know 'nonsense'")]
    [InlineData("add Reviews and more", "does not know 'add'")]
    public void What_the_command_line_does_not_know_it_says(string words, string complaint)
    {
        CommandLine.TryParse(words.Split(' '), out _, out var said).Should().BeFalse();
        said.Should().Contain(complaint);
    }

    [Fact]
    public void Options_stand_anywhere_and_the_rest_is_configuration()
    {
        CommandLine.TryParse(["add", "Reviews", "--output", "folder"], out var add, out _).Should().BeTrue();
        add!.Should().Match<CommandLine>(command =>
            command.Verb == Verb.Add && command.Argument == "Reviews" && command.Options["--output"] == "folder");
        CommandLine.TryParse(["discover", "Host=x;Database=y", "--dropped", "a", "--dropped", "b.c"], out var discover, out _)
            .Should().BeTrue();
        discover!.Options["--dropped"].Should().Be("a,b.c");
        CommandLine.TryParse(["--ConnectionStrings:clickhouse=Host=x"], out var apply, out _).Should().BeTrue();
        apply!.Verb.Should().Be(Verb.Apply);
        CommandLine.TryParse(["--check"], out var check, out _).Should().BeTrue();
        check!.Verb.Should().Be(Verb.Check);
    }

    private static Definition Library()
    {
        using var context = LibraryContext.Create();
        return DefinitionReader.Read(context, [typeof(ReaderFact)]);
    }

    private static Definition Without(Definition definition, FactMapping fact)
    {
        var facts = definition.Model.Facts.Where(other => other != fact).ToList();
        return definition with { Model = definition.Model with { Facts = facts } };
    }

    private static IEnumerable<string> Files(TemporaryFolder folder) =>
        Directory.GetFiles(folder.Path).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal);
}
