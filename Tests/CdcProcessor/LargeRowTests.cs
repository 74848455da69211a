using System.Globalization;
using AspireCdc.AppHost.Embedded;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>
/// One row that is larger than all else: it passes in less than three times its size, is told of while it is on its way, and its memory is
/// given back.
/// </summary>
public sealed class LargeRowTests(PostgresServer postgres, ClickHouseServer clickhouse, ITestOutputHelper output)
{
    private const int Size = 64_000_000;
    private const long Megabyte = 1024 * 1024;

    private static readonly TimeSpan Long = TimeSpan.FromMinutes(3);

    private static readonly TableMapping Document = Mapped.Table(
        "document", Mapped.Key("id", ColumnType.Int64), Mapped.Column("edition", ColumnType.Int64),
        Mapped.Column("body", ColumnType.String));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_large_row_passes_in_three_times_its_size_is_told_of_and_gives_its_memory_back_also_where_its_value_is_read_again()
    {
        var source = postgres.CreateDatabaseAsync(Cancel);
        await (await source)
            .ExecuteAsync(
                "CREATE TABLE document (id bigint PRIMARY KEY, edition bigint NOT NULL, body text STORAGE EXTERNAL NOT NULL)", Cancel);
        await using var shop = await Store.CreateAsync(
            source, clickhouse.CreateDatabaseAsync(Cancel), Cancel,
            Example.Store with { Model = StarModel.Empty with { Tables = [Document] } });
        using var folder = new TemporaryFolder();
        var model = Path.Combine(folder.Path, StarFile.Name);
        await File.WriteAllTextAsync(model, StarFile.Write(shop.Model), Cancel);
        await using var processor = GuardedProcess.Start(
            ["dotnet", Repository.ProgramOf("CdcProcessor"), .. shop.Arguments, "--Cdc:Model", model], new Dictionary<string, string>(),
                line => shop.Log.Add(line));
        await shop.ExecuteAsync("INSERT INTO document VALUES (1, 1, 'small')", Cancel);
        await ExpectAsync(shop, id: 1, edition: 1, length: 5);
        var before = await MemoryAsync("VmRSS");

        await shop.ExecuteAsync($"INSERT INTO document VALUES (2, 1, repeat('x', {Size}))", Cancel);
        // The value did not travel, and is read by its key: at once, when what the row came in has not been acknowledged yet.
        await shop.ExecuteAsync("UPDATE document SET edition = 2 WHERE id = 2", Cancel);
        await ExpectAsync(shop, id: 2, edition: 2, Size);
        var most = await MemoryAsync("VmHWM");

        await Wait.UntilAsync(() =>
            Task.FromResult(shop.Log.Lines.Any(line => line.Contains("MB is on its way", StringComparison.Ordinal))),
            "the large change to be told of", Cancel, Long);
        await Wait.ForAsync(
            () => MemoryAsync("VmRSS"), now => now < before + (Size / Megabyte),
            $"the memory to be given back, of which there were {before} MB", Cancel, Long);
        output.WriteLine(
            $"a row of {Size / Megabyte} MB: {before} MB before, {most} MB at most, {await MemoryAsync("VmRSS")} MB afterwards");
        (most - before).Should().BeLessThan(3 * Size / Megabyte);

        async Task<long> MemoryAsync(string which)
        {
            var status = await File.ReadAllLinesAsync($"/proc/{await processor.Pid}/status", Cancel);
            return long.Parse(status.First(line => line.StartsWith(which, StringComparison.Ordinal))
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
        }
    }

    private static Task ExpectAsync(Store shop, int id, int edition, int length) => Wait.ForAsync(
        () => shop.QueryAsync($"SELECT edition, length(body) FROM document WHERE id = {id}", Cancel), seen =>
            seen == $"{edition}\t{length}\n", $"the row; log:\n{shop.Log}", Cancel, Long);
}
