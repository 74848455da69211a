using System.Globalization;
using AspireCdc.AppHost.Embedded;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Operations;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;
using AspireCdc.Tests.Fixtures;
using AspireCdc.Tests.Kafka;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>Tables whose rows are only ever inserted, and have no key: each row arrives once, equal ones as often as there are.</summary>
public sealed class AppendOnlyTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
{
    private static readonly TableMapping Visit = new()
    {
        Name = "visit",
        Landing = "visit_landing",
        AppendOnly = true,
        Columns = [new("at", "timestamp with time zone", "at", ColumnType.Timestamp), new("url", "text", "url", ColumnType.String)],
    };

    private static readonly Example WithVisits = Example.Store
        with
    { Model = Example.Store.Model with { Tables = [.. Example.Store.Model.Tables, Visit] } };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_row_arrives_once_whatever_is_killed_or_copied_again()
    {
        await using var shop = await CreateAsync();
        await InsertAsync(shop, 4000);
        using var folder = new TemporaryFolder();
        var model = Path.Combine(folder.Path, StarFile.Name);
        await File.WriteAllTextAsync(model, StarFile.Write(shop.Model), Cancel);
        for (var kill = 0; kill < 3; kill++)
        {
            await using var killed = GuardedProcess.Start(
                ["dotnet", Repository.ProgramOf("CdcProcessor"), .. shop.Arguments, "--Cdc:Model", model], new Dictionary<string, string>(),
                line => shop.Log.Add(line));
            await Oracle.WaitForStreamAsync(shop, () => killed.Exited.IsCompleted, Cancel);
            await CopyInAsync(shop, 3000);
            await InsertAsync(shop, 500);
            await killed.KillAsync();
        }

        var processor = await shop.StartStreamingAsync(Cancel);
        await CopyInAsync(shop, 2000);
        await ExpectAsync(shop);

        await CopyAgainAsync(shop, processor);
        (await shop.QueryAsync("SELECT count() FROM order_fact", Cancel)).Should().Be("10\n", "the tables with keys go on beside them");
    }

    [Fact]
    public async Task A_row_that_cannot_be_written_waits_by_itself_and_is_applied_again()
    {
        await using var shop = await CreateAsync();
        await shop.ExecuteAsync("ALTER TABLE visit ALTER COLUMN url DROP NOT NULL", Cancel);
        var processor = await shop.StartStreamingAsync(Cancel);
        await shop.ExecuteAsync("INSERT INTO visit VALUES ('2026-01-15', NULL), ('2026-01-16', '/'), ('2026-01-17', NULL)", Cancel);
        await Wait.ForAsync(() => CountAsync(shop, "cdc_dead_letter WHERE state = 'open'"), count => count == 2,
            $"two dead letters; log:\n{shop.Log}", Cancel, TimeSpan.FromMinutes(2));
        await Wait.ForAsync(() => CountAsync(shop, "visit_landing"), count => count == 1, "the row between them", Cancel,
            TimeSpan.FromMinutes(2));

        using (var direct = new ClickHouseClient(shop.ClickHouse.ConnectionString))
            (await new DeadLetterTable(direct, TimeProvider.System).SettleOvertakenAsync(shop.Model, Cancel)).Should()
                .Be(0, "nothing overtakes a row without a key");

        await shop.StopAsync(processor);
        var nullable = Visit with { Columns = [Visit.Columns[0], Visit.Columns[1] with { Type = ColumnType.Nullable(ColumnType.String) }] };
        await shop.MigrateToAsync(shop.Model with { Tables = [.. Example.Store.Model.Tables, nullable] }, Cancel);
        processor = await shop.StartStreamingAsync(Cancel);
        using var client = new HttpClient { BaseAddress = new(processor.Urls.Single()) };
        // The changed column may have the stream begin anew meanwhile, and then it says so.
        await Wait.UntilAsync(
            async () => (await client.PostAsync("/operations/dead-letters/retry", null, Cancel)).IsSuccessStatusCode,
            "the letters to be applied again", Cancel, TimeSpan.FromMinutes(2));

        await ExpectAsync(shop);
        await Wait.ForAsync(() => CountAsync(shop, "cdc_dead_letter WHERE state = 'open'"), count => count == 0,
            "the letters to be settled", Cancel, TimeSpan.FromMinutes(2));
    }

    [Fact]
    public async Task They_are_compared_by_how_often_each_row_is_there_while_rows_come_in()
    {
        await using var shop = await CreateAsync();
        await InsertAsync(shop, 30_000);
        var processor = await shop.StartCopiedAsync(Cancel);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var working = WorkAsync();
        (await VerifyAsync()).Should().StartWith("0 ").And.Contain("visit ");

        const string Oldest = "(SELECT * FROM visit_landing WHERE url = '/1' ORDER BY version LIMIT 1)";
        const string Gone = "ALTER TABLE visit_landing DELETE WHERE version IN (SELECT min(version) FROM visit_landing WHERE url = '/2')";
        await shop.QueryAsync($"{Gone} SETTINGS mutations_sync = 2", Cancel);
        await shop.QueryAsync($"INSERT INTO visit_landing SELECT * REPLACE ('/nowhere' AS url, 1 AS version) FROM {Oldest}", Cancel);
        await shop.QueryAsync($"INSERT INTO visit_landing SELECT * REPLACE (2 AS version) FROM {Oldest}", Cancel);
        var printed = await VerifyAsync();
        printed.Should().StartWith("1 ").And.Contain("3 of visit").And.Contain("/2): the row is missing")
            .And.Contain("'/nowhere'): there should be no such row")
            .And.Contain(",/1): there should be no such row, or fewer of it").And.Contain("'CdcProcessor resync visit'");

        using (var client = new HttpClient { BaseAddress = new(processor.Urls.Single()) })
            (await client.PostAsync("/operations/resync?table=visit", null, Cancel)).EnsureSuccessStatusCode();
        await Wait.ForAsync(VerifyAsync, text =>
            text.StartsWith("0 ", StringComparison.Ordinal), $"the visits to be equal; log:\n{shop.Log}", Cancel, TimeSpan.FromMinutes(2));
        await stop.CancelAsync();
        await working;

        async Task WorkAsync()
        {
            for (var round = 0; !stop.IsCancellationRequested; round++)
            {
                await InsertAsync(shop, 50);
                await shop.ExecuteAsync($"INSERT INTO visit VALUES ('2026-01-20', '/page/{round}')", Cancel);
                await Wait.ForAsync(
                    () => CountAsync(shop, $"visit_landing WHERE url = '/page/{round}'"), count => count > 0, "rows to come in", Cancel,
                    TimeSpan.FromMinutes(2));
            }
        }

        async Task<string> VerifyAsync()
        {
            using var output = new StringWriter();
            return $"{await Verbs.RunAsync(["verify", "visit", "--address", processor.Urls.Single()], output, output, Cancel)} {output}";
        }
    }

    [Fact]
    public async Task Behind_kafka_too_and_when_the_connector_copies_them_again()
    {
        await using var shop = await CreateAsync();
        await InsertAsync(shop, 2000);
        var topic = kafka.Arguments(kafka.NewTopic(create: false));
        var connector = await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. topic]);
        await shop.StartAsync(Cancel, ["--source", "kafka", .. topic]);
        await CopyInAsync(shop, 1000);
        await ExpectAsync(shop);

        await CopyAgainAsync(shop, connector);
    }

    [Fact]
    public async Task A_publication_that_brings_more_than_their_inserts_is_refused()
    {
        await using var shop = await CreateAsync();
        await shop.ExecuteAsync(
            $"ALTER PUBLICATION {Publications.AppendOnly(Store.Publication)} SET (publish = 'insert, update'); ALTER PUBLICATION " +
            $"{Store.Publication} ADD TABLE visit", Cancel);
        await shop.StartAsync(Cancel);
        await Wait.ForAsync(
            () => Task.FromResult(shop.Log.ToString()),
            log => log.Contains("_append_only\" SET (publish = 'insert')", StringComparison.Ordinal)
            && log.Contains("DROP TABLE \"public\".\"visit\"", StringComparison.Ordinal),
            "both faults", Cancel, TimeSpan.FromMinutes(2));
    }

    /// <summary>Once more from the start, while rows come in: what was there before goes, and nothing else.</summary>
    private static async Task CopyAgainAsync(Store shop, WebApplication copies)
    {
        const string Oldest = "SELECT min(version) FROM visit_landing";
        var before = await shop.QueryAsync(Oldest, Cancel);
        using var client = new HttpClient { BaseAddress = new(copies.Urls.Single()) };
        (await client.PostAsync("/operations/resync?table=visit", null, Cancel)).EnsureSuccessStatusCode();
        await CopyInAsync(shop, 1000);
        await InsertAsync(shop, 100);
        await Wait.ForAsync(() => shop.QueryAsync(Oldest, Cancel), oldest => oldest != before, $"the old rows to go; log:\n{shop.Log}",
            Cancel, TimeSpan.FromMinutes(2));
        await ExpectAsync(shop);
    }

    private async Task<Store> CreateAsync()
    {
        var source = postgres.CreateDatabaseAsync(Cancel);
        await (await source).ExecuteAsync("CREATE TABLE visit (at timestamptz NOT NULL, url text NOT NULL)", Cancel);
        var shop = await Store.CreateAsync(source, clickhouse.CreateDatabaseAsync(Cancel), Cancel, WithVisits);
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        return shop;
    }

    private static Task InsertAsync(Store shop, int rows) =>
        shop.ExecuteAsync(
            "INSERT INTO visit SELECT '2026-01-15'::timestamptz + (i % 7) * interval '1 s', '/' || i % 3 FROM generate_series(1, " +
            $"{rows}) i", Cancel);

    /// <summary>By COPY, of which PostgreSQL writes many rows into one record of its WAL.</summary>
    private static async Task CopyInAsync(Store shop, int rows)
    {
        await using var connection = new NpgsqlConnection(shop.Postgres.ConnectionString);
        await connection.OpenAsync(Cancel);
        await using var copy = await connection.BeginTextImportAsync("COPY visit FROM STDIN", Cancel);
        for (var i = 0; i < rows; i++)
            await copy.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"2026-02-{1 + (i % 9):00} 00:00:00+00\t/copied/{i % 5}\n"));
    }

    private static async Task ExpectAsync(Store shop)
    {
        var (name, query, columns) = ModelOracle.Of(shop.Model).Single(table => table.Name == "visit_landing");
        var expected = await ModelOracle.ReadPostgresAsync(shop.Postgres, query, columns, Cancel);
        await Wait.ForAsync(
            () => ModelOracle.CompareAsync(shop.ClickHouse, name, columns, expected, Cancel), difference => difference.Length == 0,
            $"the visits; log:\n{shop.Log}\n", Cancel, TimeSpan.FromMinutes(2));
    }

    private static async Task<long> CountAsync(Store shop, string what) =>
        long.Parse(await shop.QueryAsync($"SELECT count() FROM {what}", Cancel), CultureInfo.InvariantCulture);
}
