using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.Star.Model;
using AspireCdc.Star.Statements;
using AspireCdc.Star.Types;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>Facts of small batches, from what is known of the rows that they point to. None of these batches lands.</summary>
public sealed class FollowedFactTests(ClickHouseServer clickhouse)
{
    private static readonly TableMapping Author =
        Mapped.Table("author", Mapped.Key("author_id", ColumnType.Int64), Mapped.Column("name", ColumnType.String));

    private static readonly TableMapping Editor =
        Mapped.Table("editor", Mapped.Key("editor_id", ColumnType.Int64), Mapped.Column("name", ColumnType.Category));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Parents_are_the_batchs_or_read_and_stay_known_until_it_forgets(bool isComputed)
    {
        await using var work = await Work.StartAsync(clickhouse, isComputed: isComputed);

        // An author in the batch, an editor that has landed, and none.
        await work.LandAsync("editor (editor_id, name, lsn, version) VALUES (7, 'Ed', 5, 5)");
        (await work.PutAsync(10, Insert(Author, "1", "Ann"), Note("1", "1", "7"), Note("2", "1", null))).Should().BeTrue();
        (await work.FactsAsync()).Should().Be("1\tAnn\tEd\t10\n2\tAnn\t\\N\t10\n");

        // Both are known by now: what landing has is not asked.
        await work.LandAsync("editor (editor_id, name, lsn, version) VALUES (7, 'Edna', 6, 6)");
        (await work.PutAsync(11, Note("3", "1", "7"))).Should().BeTrue();
        (await work.FactsAsync()).Should().EndWith("3\tAnn\tEd\t11\n");

        work.Fact.Forget();
        await work.LandAsync("author (author_id, name, lsn, version) VALUES (1, 'Anna', 12, 12)");
        (await work.PutAsync(13, Note("3", "1", "7"))).Should().BeTrue();
        (await work.FactsAsync()).Should().EndWith("3\tAnna\tEdna\t13\n");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_root_without_its_required_parent_is_a_tombstone_until_that_comes_and_one_that_is_deleted_is_one(bool isComputed)
    {
        await using var work = await Work.StartAsync(clickhouse, isComputed: isComputed);

        (await work.PutAsync(10, Note("1", "1", null))).Should().BeTrue();
        (await work.FactsAsync()).Should().BeEmpty();
        (await work.PutAsync(11, Insert(Author, "1", "Ann"), Note("1", "1", null))).Should().BeTrue();
        (await work.FactsAsync()).Should().Be("1\tAnn\t\\N\t11\n");
        (await work.PutAsync(12, Delete(Work.Notes(), "1"))).Should().BeTrue();

        (await work.FactsAsync()).Should().BeEmpty();
        (await work.QueryAsync("SELECT note_id, author, lsn FROM note_fact WHERE is_deleted = 1 ORDER BY lsn SETTINGS final = 0"))
            .Should().Be("1\t\t10\n1\t\t12\n");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_optional_parent_that_is_deleted_is_null_and_its_deletion_counts(bool isComputed)
    {
        await using var work = await Work.StartAsync(clickhouse, isComputed: isComputed);

        (await work.PutAsync(10, Insert(Author, "1", "Ann"), Insert(Editor, "7", "Ed"), Delete(Editor, "7"), Note("1", "1", "7")))
            .Should().BeTrue();

        (await work.FactsAsync()).Should().Be("1\tAnn\t\\N\t10\n");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_row_of_more_than_4_kb_is_left_to_landing(bool isBrought)
    {
        await using var work = await Work.StartAsync(clickhouse);
        var name = new string('x', 5000);

        if (!isBrought)
            await work.LandAsync($"author (author_id, name, lsn, version) VALUES (1, '{name}', 5, 5)");
        (await work.PutAsync(10, isBrought ? [Insert(Author, "1", name), Note("1", "1", null)] : [Note("1", "1", null)]))
            .Should().BeFalse();
        (await work.PutAsync(11, Insert(Author, "1", "Ann"), Note("1", "1", null))).Should().BeTrue();

        (await work.FactsAsync()).Should().Be("1\tAnn\t\\N\t11\n");
    }

    [Fact]
    public async Task A_row_of_many_megabytes_is_not_read_and_left_to_landing()
    {
        await using var work = await Work.StartAsync(clickhouse);
        await work.LandAsync("author (author_id, name, lsn, version) SELECT 1, repeat(repeat('x', 1000), 8000), 5, 5");

        (await work.PutAsync(10, Note("1", "1", null))).Should().BeFalse();

        work.LongestAnswer.Should().BeLessThan(100_000);
    }

    [Fact]
    public async Task Of_versions_that_are_not_merged_the_newest_counts()
    {
        await using var work = await Work.StartAsync(clickhouse);
        await work.ExecuteAsync("SYSTEM STOP MERGES author");
        foreach (var (name, version) in (IEnumerable<(string, int)>)[("Bob", 2), ("Cyd", 3), ("Ann", 1)])
            await work.LandAsync($"author (author_id, name, lsn, version) VALUES (1, '{name}', {version}, {version})");

        (await work.PutAsync(10, Note("1", "1", null))).Should().BeTrue();

        (await work.FactsAsync()).Should().Be("1\tCyd\t\\N\t10\n");
    }

    [Fact]
    public async Task A_parent_whose_column_has_another_type_by_now_is_left_to_landing()
    {
        await using var work = await Work.StartAsync(clickhouse);
        await work.LandAsync("author (author_id, name, lsn, version) VALUES (1, 'Ann', 5, 5)");
        await work.ExecuteAsync("ALTER TABLE author MODIFY COLUMN name FixedString(4)");

        (await work.PutAsync(10, Note("1", "1", null))).Should().BeFalse();
    }

    [Fact]
    public async Task A_finished_row_is_refused_where_the_column_has_another_type_by_now()
    {
        await using var work = await Work.StartAsync(clickhouse, isComputed: false);
        await work.ExecuteAsync("ALTER TABLE note_fact MODIFY COLUMN editor Nullable(FixedString(4))");

        var put = () => work.PutAsync(10, Insert(Author, "1", "Ann"), Note("1", "1", null));

        await put.Should().ThrowAsync<ClickHouseException>();
        (await work.FactsAsync()).Should().BeEmpty();
    }

    [Fact]
    public async Task What_points_by_another_type_than_the_keys_is_left_to_landing()
    {
        await using var work = await Work.StartAsync(clickhouse, pointing: ColumnType.Int32);

        (await work.PutAsync(10, Insert(Author, "1", "Ann"), Note("1", "1", null, ColumnType.Int32))).Should().BeFalse();
    }

    [Fact]
    public async Task Json_is_left_to_landing()
    {
        ColumnType.TryParse("JSON", out var json).Should().BeTrue();
        await using var work = await Work.StartAsync(clickhouse, text: json);

        (await work.PutAsync(10, Insert(Author, "1", "Ann"), Note("1", "1", null, text: json))).Should().BeFalse();
    }

    private static Brought Note(string id, string author, string? editor, ColumnType? pointing = null, ColumnType? text = null) =>
        Insert(Work.Notes(pointing, text), id, author, editor, "{}");

    private static Brought Insert(TableMapping table, params string?[] values) => new(table, values, ChangeOperation.Insert);

    private static Brought Delete(TableMapping table, string key) => new(table, [key], ChangeOperation.Delete);

    private sealed record Brought(TableMapping Table, string?[] Values, ChangeOperation Operation);

    /// <summary>A fact of notes with their authors and, where they have one, their editors.</summary>
    private sealed class Work : IAsyncDisposable
    {
        private readonly ClickHouseClient _client;
        private readonly Answers _answers;
        private readonly LandingRows _landing = new();

        private Work(ClickHouseClient client, Answers answers, FactTable fact)
        {
            _client = client;
            _answers = answers;
            Fact = new FollowedFact(client, fact);
        }

        public FollowedFact Fact { get; }

        public static TableMapping Notes(ColumnType? pointing = null, ColumnType? text = null) => Mapped.Table(
            "note", Mapped.Key("note_id", ColumnType.Int64), Mapped.Column("author_id", pointing ?? ColumnType.Int64),
            Mapped.Column("editor_id", ColumnType.Nullable(ColumnType.Int64)), Mapped.Column("text", text ?? ColumnType.String));

        public static async Task<Work> StartAsync(
            ClickHouseServer clickhouse, ColumnType? pointing = null, ColumnType? text = null, bool isComputed = true)
        {
            var database = await clickhouse.CreateDatabaseAsync(Cancel);
            var answers = new Answers();
            var client = new ClickHouseClient(database.ConnectionString, answers);
            var notes = Notes(pointing, text);
            var fact = new FactMapping
            {
                Name = "note_fact",
                Root = "note",
                Parents =
                [
                    new("author", "author", FactMapping.RootAlias, ["author_id"], "note_by_author"),
                    new("editor", "editor", FactMapping.RootAlias, ["editor_id"], "note_by_editor", IsOptional: true),
                ],
                Columns =
                [
                    new("note_id", ColumnType.Int64, "root.note_id", IsKey: true),
                    new("author", ColumnType.String, "author.name"),
                    new("editor", ColumnType.Nullable(ColumnType.String), "editor.name"),
                    new("text", ColumnType.String, isComputed ? "toString(root.text)" : "root.text"),
                ],
            };
            foreach (var table in (TableMapping[])[Author, Editor, notes])
                await client.ExecuteAsync(TableStatements.CreateLanding(table), Cancel);
            await client.ExecuteAsync(TableStatements.CreateFact(fact), Cancel);
            return new Work(client, answers, new FactTable(new StarModel([Author, Editor, notes], [fact]), fact, fact.Name));
        }

        /// <summary>Bytes.</summary>
        public long LongestAnswer => _answers.Longest;

        public Task LandAsync(string row) => ExecuteAsync($"INSERT INTO {row}");

        public Task ExecuteAsync(string sql) => _client.ExecuteAsync(sql, Cancel);

        /// <summary>Whether the batch's facts were written, at an LSN that all of its changes have.</summary>
        public async Task<bool> PutAsync(ulong lsn, params Brought[] rows)
        {
            using var batch = new ChangeBatch();
            foreach (var brought in rows)
                batch.Add(brought.Table, brought.Values, lsn, (ulong)batch.Count + 1, brought.Operation);
            _landing.Fill(batch, deriveCopies: false);
            _landing.MayBeFollowed.Should().BeTrue();
            return Fact.Take(_landing) is { } roots && await Fact.TryPutAsync(roots, Lsn.Version(lsn, 0), Cancel);
        }

        public Task<string> FactsAsync() =>
            QueryAsync("SELECT note_id, author, editor, lsn FROM note_fact FINAL WHERE is_deleted = 0 ORDER BY note_id");

        public async Task<string> QueryAsync(string sql) =>
            string.Concat((await _client.QueryAsync(sql, Cancel))
                .Select(row => string.Join('\t', row.Select(value => value ?? "\\N")) + "\n"));

        public ValueTask DisposeAsync()
        {
            _landing.Dispose();
            _client.Dispose();
            return ValueTask.CompletedTask;
        }
    }

    /// <summary>Looks how long ClickHouse's answers are.</summary>
    private sealed class Answers() : DelegatingHandler(new SocketsHttpHandler())
    {
        public long Longest { get; private set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            await response.Content.LoadIntoBufferAsync(cancellationToken);
            Longest = Math.Max(Longest, response.Content.Headers.ContentLength ?? 0);
            return response;
        }
    }
}
