using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.ClickHouseMigrator;
using AspireCdc.ClickHouseMigrator.Definitions;
using AspireCdc.Star.Difference;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace AspireCdc.Tests.Definitions;

/// <summary>
/// One projection, asked of PostgreSQL by EF Core and derived in ClickHouse: over random rows both are the same, value for value.
/// </summary>
public sealed class TranslationTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private const int Rows = 400;
    private const int RowsAStatement = 100;
    private const string Letters = "aabbzz_% 'äÉxyZ\t";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1), InlineData(2)]
    public async Task Every_expression_gives_what_PostgreSQL_gives(int seed)
    {
        using var definitions = LibraryContext.Create();
        var model = DefinitionReader.Read(definitions, [typeof(ReaderFact)]).Model;
        var fact = model.Facts.Should().ContainSingle().Subject;
        fact.Postgres.Should().NotBeNull();

        var source = await postgres.CreateDatabaseAsync(Cancel);
        await FillAsync(source, new Random(seed));
        var target = await clickhouse.CreateDatabaseAsync(Cancel);
        foreach (var statement in SqlScript.Split(
            MigrationScript.Write(ModelDifference.Between(StarModel.Empty, model, SaidChanges.Nothing))))
            await target.QueryAsync(statement, Cancel);
        foreach (var table in model.Tables)
            await LandAsync(source, target, table);
        var derived = new FactTable(model, fact, fact.Name);
        await target.QueryAsync(derived.Derive("1", UInt128.One), Cancel);

        (await target.QueryAsync($"SELECT count() FROM {fact.Name}", Cancel)).Should().Be($"{Rows}\n");
        if (await DifferenceAsync([.. fact.Columns.Select(column => (column.Name, column.Type))], fact.Postgres!) is "")
            return;

        // Which of them it is.
        var differences = new List<string>();
        foreach (var column in fact.Columns)
        {
            IReadOnlyList<(string, ColumnType)> both = [(fact.Columns[0].Name, fact.Columns[0].Type), (column.Name, column.Type)];
            if (await DifferenceAsync(both, $"SELECT \"{both[0].Item1}\", \"{column.Name}\" AS value FROM ({fact.Postgres}) AS f")
                is { Length: > 0 } difference)
                differences.Add($"{column.Name} ({column.Expression}): {difference}");
        }
        string.Join("\n", differences).Should().BeEmpty();

        async Task<string> DifferenceAsync(IReadOnlyList<(string, ColumnType)> columns, string query) =>
            await ModelOracle.CompareAsync(
                target, fact.Name, columns, await ModelOracle.ReadPostgresAsync(source, query, columns, Cancel), Cancel);
    }

    /// <summary>The rows of a table, as they land.</summary>
    private static async Task LandAsync(TestDatabase source, TestClickHouse target, TableMapping table)
    {
        var rows = await ModelOracle.ReadPostgresAsync(
            source, $"SELECT {string.Join(", ", table.Columns.Select(column => $"\"{column.Source}\""))} FROM " +
                $"\"{table.Schema}\".\"{table.Name}\"",
            [.. table.Columns.Select(column => (column.Landing, column.Type))], Cancel);
        var structure = string.Join(", ", table.Columns.Select(column => $"`{column.Landing}` {column.Type}")).Replace("'", "\\'");
        var names = string.Join(", ", table.Columns.Select(column => $"`{column.Landing}`"));
        foreach (var chunk in rows.Chunk(RowsAStatement))
        {
            await target.QueryAsync(
                $"INSERT INTO `{table.Landing}` ({names}, is_deleted, version) SELECT {names}, 0, 1 FROM format(RowBinary, " +
                $"'{structure}', unhex('{string.Concat(chunk)}'))", Cancel);
        }
    }

    private static async Task FillAsync(TestDatabase database, Random random)
    {
        await using var context = new LibraryContext(
            new DbContextOptionsBuilder<LibraryContext>().UseNpgsql(database.ConnectionString).UseSnakeCaseNamingConvention().Options);
        await database.ExecuteAsync(context.Database.GenerateCreateScript(), Cancel);
        var places = Enumerable.Range(1, 20).Select(zip => new Place
        {
            Country = zip % 2 == 0
            ? "CH"
            : "a",
            Zip = zip,
            Name = Text(10),
            Area = Maybe(() => Number(1_000_000, 100))
        }).ToList();
        context.AddRange(places);
        var readers = new List<Reader>();
        for (var id = 1; id <= Rows; id++)
        {
            var reader = new Reader
            {
                Id = id,
                Name = Text(12) + "ab",
                Nick = random.Next(4) switch { 0 => null, 1 => "", 2 => "  ", _ => Text(4) },
                Padded = random.Next(3) switch { 0 => "ab", 1 => "", _ => "xyz" },
                Score = random.Next(-10_000, 10_000),
                Bonus = random.Next(3) switch { 0 => null, 1 => 5, _ => random.Next(1, 9) },
                Level = (short)random.Next(-100, 100),
                Points = random.NextInt64(-1_000_000_000_000, 1_000_000_000_000),
                Balance = Number(9_999_999_999, 100),
                Limit = Maybe(() => Number(999_999, 10_000)),
                Ratio = random.Next(2) == 0 ? random.Next(-20, 20) / 2.0 : (random.NextDouble() * 1000) - 500,
                Spread = random.Next(3) == 0 ? null : random.NextDouble() + 0.1,
                Weight = random.NextSingle() * 100,
                Active = random.Next(2) == 0,
                Vip = random.Next(3) switch { 0 => null, 1 => true, _ => false },
                Born = random.Next(3) == 0 ? null : new DateOnly(1950, 1, 1).AddDays(random.Next(30_000)),
                Seen = Time(),
                Parted = random.Next(2) == 0 ? null : Time(),
                Code = Guid.NewGuid(),
                Kind = (Kind)random.Next(3),
                Rank = (Kind)random.Next(3),
                HomeCountry = "",
                Home = places[random.Next(places.Count)],
                Work = random.Next(2) == 0 ? null : places[random.Next(places.Count)],
                Mentor = id == 1 || random.Next(3) == 0 ? null : readers[random.Next(readers.Count)],
            };
            readers.Add(reader);
        }
        context.AddRange(readers);
        await context.SaveChangesAsync(Cancel);

        string Text(int longest) =>
            string.Concat(Enumerable.Range(0, random.Next(longest + 1)).Select(_ => Letters[random.Next(Letters.Length)]));
        decimal Number(long whole, int fractions) => random.NextInt64(-whole, whole) + (random.Next(fractions) / (decimal)fractions);
        decimal? Maybe(Func<decimal> number) => random.Next(2) == 0 ? null : number();
        DateTime Time() =>
            new DateTime(1950, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddTicks(random.NextInt64(0, TimeSpan.FromDays(90_000).Ticks) / 10 * 10);
    }
}
