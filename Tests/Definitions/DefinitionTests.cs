using System.Linq.Expressions;
using AspireCdc.ClickHouseMigrator.Definitions;
using AspireCdc.Star;
using AspireCdc.Star.Model;
using AwesomeAssertions;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace AspireCdc.Tests.Definitions;

public sealed class DefinitionTests
{
    [Fact]
    public void Entities_become_tables_with_their_columns_keys_and_types()
    {
        var model = Read<LoanFact>();

        model.Tables.Select(table => (table.Source, table.Landing)).Should().Equal(
            ("place", "place_landing"), ("reader", "reader_landing"), ("lending.loan", "lending_loan_landing"));
        var reader = model.Table("reader");
        reader.Columns.Select(column => column.Source).Should()
            .NotContain("secret").And.HaveElementAt(0, "id").And.HaveElementAt(1, "name");
        reader.Columns.Where(column => column.IsKey).Select(column => column.Landing).Should().Equal("reader_id");
        reader.Columns.Should().Contain(column => column.Source == "kind" && column.Type.Name == "String")
            .And.Contain(column => column.Source == "padded" && column.Postgres == "character(6)")
            .And.Contain(column => column.Source == "limit" && column.Type.Name == "Nullable(Decimal(10, 4))");
        model.Table("place").KeyColumns.Should().Equal("country", "zip");
    }

    [Fact]
    public void A_path_is_a_parent_optional_where_a_foreign_key_on_it_is_and_two_paths_to_one_table_are_two()
    {
        var fact = Read<LoanFact>().Facts.Single();

        fact.Name.Should().Be("loan_fact");
        fact.Root.Should().Be("lending.loan");
        fact.Parents.Should().BeEquivalentTo(
            [
                new ParentMapping("reader", "reader", "root", ["reader_id"], "lending_loan_by_reader"),
                new ParentMapping("reader__home", "place", "reader", ["home_country", "home_zip"], "reader_by_home_country_home_zip"),
                new ParentMapping("witness", "reader", "root", ["witness_id"], "lending_loan_by_witness", IsOptional: true),
                new ParentMapping(
                    "witness__home", "place", "witness", ["home_country", "home_zip"], "reader_by_home_country_home_zip", IsOptional: true),
            ],
            options => options.WithStrictOrdering());
        fact.Columns.Select(column => $"{column.Name} {column.Type} {column.Expression}").Should().Equal(
            "loan_id Int64 root.loan_id", "home LowCardinality(String) reader__home.name",
            "witness_home LowCardinality(Nullable(String)) witness__home.name");
        fact.Columns.Select(column => column.IsKey).Should().Equal(true, false, false);
    }

    [Fact]
    public void Companions_are_only_those_that_facts_need_and_shared_by_them()
    {
        Read<LoanFact>().Table("reader").Companions.Select(companion => companion.Name).Should().Equal("reader_by_home_country_home_zip");
        Read().Tables.SelectMany(table => table.Companions).Should().BeEmpty();
    }

    [Fact]
    public void The_roots_key_comes_first_wherever_the_record_has_it() =>
        Read<KeyLast>().Facts.Single().Columns.Select(column => (column.Name, column.IsKey)).Should().Equal(("id", true), ("name", false));

    [Fact]
    public void A_positional_record_is_a_fact_too() =>
        Read<Positional>().Facts.Single().Columns.Select(column => column.Name).Should().Equal("id", "name");

    [Fact]
    public void What_only_ClickHouse_knows_stands_as_raw_SQL_and_PostgreSQL_is_not_asked()
    {
        var fact = Read<Raw>().Facts.Single();
        fact.Columns[1].Expression.Should().Be("CAST((reverse(root.name)), 'String')");
        fact.Columns[2].Type.Name.Should().Be("Decimal(20, 3)");
        fact.Postgres.Should().BeNull();
    }

    [Fact]
    public void All_faults_are_named_at_once_each_with_path_and_cure()
    {
        var faults = FluentActions.Invoking(() => Read(typeof(Wrong), typeof(Keyless))).Should().Throw<DefinitionException>().Which.Faults;
        faults.Should().BeEquivalentTo(
        [
            "Keyless: it lacks the key of Reader: add a property that is reader.Id",
            "Wrong.Work: it takes no null, and reader.Work may be missing, since WorkCountry, WorkZip takes NULL: make it String?, or " +
            "say what stands in its place (??)",
            "Wrong.Nick: it takes no null, and reader.Nick may be null: make it String?, or say what stands in its place (??)",
            "Wrong.Divided: (reader.Balance / reader.Limit.Value) has no exact result: divide by a constant that ends (100m), cast both " +
            "sides to double, or say Sql.Raw<decimal>($\"…\")",
            "Wrong.Quotient: it takes no null, and root.level may be 0, by which nothing can be divided: make it " +
            "Int32?, or say what stands in its place (??)",
            "Wrong.Narrow: its value may have 24 digits, and the column has 18: say [Precision(24, 4)]",
            "Wrong.Blurred: its value has 4 digits after the point, and the column 2: say [Precision(24, 4)], or round it (Math.Round)",
            "Wrong.Large: its value may be too large for Int32: make it long or decimal",
            "Wrong.Secret: reader.Secret is not mirrored: take [Unreplicated] away from it",
            "Wrong.Hash: reader.Name.GetHashCode() has no translation: write it in other words, or as Sql.Raw<Int32>($\"…\")",
            "Wrong.Cut: Convert(reader.Balance, Int32) cuts digits off, which PostgreSQL rounds: say " +
            "Math.Floor, Math.Ceiling or Math.Round first",
            "Wrong.Unset: Row does not set it: give it a value, or mark it [NotMapped]",
        ]);
    }

    [Fact]
    public void Renamings_and_losses_are_read_from_their_marks()
    {
        using var context = new RenamedContext();
        var said = DefinitionReader.Read(context, [typeof(Renamed)]).Said;
        said.TablesWere.Should().Equal(new Dictionary<string, string> { ["item"] = "article" });
        said.ColumnsWere.Should().Equal(new Dictionary<(string, string), string> { [("item", "title")] = "name" });
        said.DroppedColumns.Should().Equal(("item", "colour"));
        said.Dropped.Should().Equal("shelf");
        said.FactsWere.Should().Equal(new Dictionary<string, string> { ["renamed"] = "old_fact" });
    }

    [Fact]
    public void Scaffolded_classes_are_marked_from_beside()
    {
        using var context = new ScaffoldedContext();
        var table = DefinitionReader.Read(context, []).Model.Table("recording");
        table.Columns.ToDictionary(column => column.Landing, column => column.Type.Name).Should().Equal(new Dictionary<string, string>
        {
            ["recording_id"] = "Int32",
            ["rating"] = "LowCardinality(Nullable(String))",
            ["score"] = "Nullable(String)",
        });
    }

    [Fact]
    public void Objects_as_JSON_are_mirrored_as_their_text_and_columns_of_PostgreSQLs_own_not_at_all()
    {
        using var context = new AnimalContext();
        DefinitionReader.Read(context, []).Model.Table("animal").Columns.Select(column => $"{column.Landing} {column.Type.Name}").Should()
            .Equal("animal_id Int32", "name String", "weight Decimal(10, 0)", "chip Nullable(String)", "trick Nullable(String)",
                "discriminator String");
    }

    [Fact]
    public void Facts_of_one_kind_of_rows_and_of_formatted_values_are_refused()
    {
        using var context = new AnimalContext();
        FluentActions.Invoking(() => DefinitionReader.Read(context, [typeof(DogFact), typeof(LabelFact)])).Should()
            .Throw<DefinitionException>().Which.Faults.Should().BeEquivalentTo(
        [
            "DogFact: the rows of Dog are some of those of animal, and a fact has a row for each: make it IFact<Animal, DogFact>, with " +
            "EF.Property<…>(…, \"Discriminator\") as a column",
            "LabelFact.Label: {0:0.00} in a text formats a value: formats have no translation",
        ]);
    }

    [Fact]
    public void Tables_without_a_key_need_to_be_append_only_and_make_no_fact()
    {
        using var context = new KeylessContext();
        FluentActions.Invoking(() => DefinitionReader.Read(context, [typeof(ViewFact)])).Should()
            .Throw<DefinitionException>().Which.Faults.Should().BeEquivalentTo(
        [
            "Note: it has no primary key, by which a row's changes are known: give it one, or say [Replicated(AppendOnly = " +
            "true)] if its rows are only ever inserted",
            "ViewFact: the rows of View have no key, by which a fact's row would be known: read view_landing",
        ]);
    }

    [Fact]
    public void A_foreign_key_points_to_the_primary_key_of_a_mirrored_table()
    {
        using var context = new PointingContext();
        FluentActions.Invoking(() => DefinitionReader.Read(context, [typeof(PointingFact)])).Should()
            .Throw<DefinitionException>().Which.Faults.Should().BeEquivalentTo(
        [
            "PointingFact.ByCode: pointing.ByCode points to Target by Code, and rows are known by the primary key only: point to that",
            "PointingFact.Hidden: pointing.Hidden is a row of Hidden, which is not mirrored: mark Hidden [Replicated]",
            "PointingFact.Count: pointing.Points goes to rows that point to this one: a fact follows " +
            "foreign keys, and begins at the row that points",
        ]);
    }

    private static StarModel Read<TFact>() => Read(typeof(TFact));

    private static StarModel Read(params Type[] facts)
    {
        using var context = LibraryContext.Create();
        return DefinitionReader.Read(context, facts).Model;
    }

    internal sealed record LoanFact : IFact<Loan, LoanFact>
    {
        public required long LoanId { get; init; }
        public required string Home { get; init; }
        public string? WitnessHome { get; init; }
        public static Expression<Func<Loan, LoanFact>> Row =>
            loan => new() { LoanId = loan.Id, Home = loan.Reader.Home.Name, WitnessHome = loan.Witness!.Home.Name };
    }

    internal sealed record KeyLast : IFact<Reader, KeyLast>
    {
        public required string Name { get; init; }
        public required int Id { get; init; }
        public static Expression<Func<Reader, KeyLast>> Row => reader => new() { Name = reader.Name, Id = reader.Id };
    }

    internal sealed record Positional(int Id, string Name) : IFact<Reader, Positional>
    {
        public static Expression<Func<Reader, Positional>> Row => reader => new(reader.Id, reader.Name);
    }

    internal sealed record Raw : IFact<Reader, Raw>
    {
        public required int Id { get; init; }
        public required string Backwards { get; init; }
        [Precision(20, 3)] public required decimal Third { get; init; }
        public static Expression<Func<Reader, Raw>> Row => reader => new()
        {
            Id = reader.Id,
            Backwards = Star.Sql.Raw<string>($"reverse({reader.Name})"),
            Third = Star.Sql.Raw<decimal>($"{reader.Balance} / 3"),
        };
    }

    internal sealed record Keyless : IFact<Reader, Keyless>
    {
        public required string Name { get; init; }
        public static Expression<Func<Reader, Keyless>> Row => reader => new() { Name = reader.Name };
    }

    internal sealed record Wrong : IFact<Reader, Wrong>
    {
        public required int Id { get; init; }
        public required string Work { get; init; }
        public required string Nick { get; init; }
        public required decimal Divided { get; init; }
        public required int Quotient { get; init; }
        [Precision(18, 4)] public required decimal Narrow { get; init; }
        [Precision(38, 2)] public required decimal Blurred { get; init; }
        public required int Large { get; init; }
        public string? Secret { get; init; }
        public required int Hash { get; init; }
        public required int Cut { get; init; }
        public string? Unset { get; init; }
        public static Expression<Func<Reader, Wrong>> Row => reader => new()
        {
            Id = reader.Id,
            Work = reader.Work!.Name,
            Nick = reader.Nick!,
            Divided = reader.Balance / reader.Limit!.Value,
            Quotient = reader.Score / reader.Level,
            Narrow = reader.Balance * reader.Balance,
            Blurred = reader.Balance * reader.Balance,
            Large = reader.Score * reader.Score,
            Secret = reader.Secret,
            Hash = reader.Name.GetHashCode(),
            Cut = (int)reader.Balance,
        };
    }
}
