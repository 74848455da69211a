using System.Diagnostics;
using AspireCdc.AppHost.Embedded;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>One transaction with more rows than anybody's memory holds. LONG_TESTS=1 makes it five million.</summary>
public sealed class LargeTransactionTests(PostgresServer postgres, ClickHouseServer clickhouse, ITestOutputHelper output)
{
    private const long Megabyte = 1024 * 1024;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Millions_of_rows_in_one_transaction_pass_in_bounded_memory()
    {
        var isLong = Environment.GetEnvironmentVariable("LONG_TESTS") == "1";
        var (rows, deadline) = isLong ? (5_000_000, TimeSpan.FromMinutes(15)) : (200_000, TimeSpan.FromMinutes(3));
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync(
            """
            INSERT INTO customer (email, name, country, city) VALUES ('a', 'b', 'c', 'd');
            INSERT INTO product (name, category, price) SELECT 'Product ' || i, 'Tools', i FROM generate_series(1, 30) i;
            INSERT INTO "order" (customer_id, total) SELECT 1, i FROM generate_series(1, 1000) i;
            """, Cancel);
        await using var processor = GuardedProcess.Start(["dotnet", Repository.ProgramOf("CdcProcessor"), .. shop.Arguments],
            new Dictionary<string, string>(), line => shop.Log.Add(line));
        await shop.AssertStarEqualsJoinAsync(Cancel);

        var patient = shop.Postgres with { ConnectionString = shop.Postgres.ConnectionString + ";Command Timeout=0" };
        var watch = Stopwatch.StartNew();
        await patient.ExecuteAsync(
            "INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT 1 + i % 1000, 1 + i % 30, 1 + i % 99, i % 1000 + " +
            $"0.25 FROM generate_series(1, {rows}) i", Cancel);
        var committed = watch.Elapsed;
        var expected = await patient.ScalarAsync<string>(
            "SELECT concat_ws(E'\\t', count(*), sum(id), sum(quantity), sum(quantity * price)) FROM orderitem", Cancel);
        await Wait.ForAsync(
            async () =>
                (await shop.QueryAsync(
                    "SELECT count(), sum(orderitem_id), sum(quantity), sum(revenue) FROM orderitem_fact SETTINGS " +
                    "output_format_decimal_trailing_zeros = 1", Cancel)).Trim(), found => found == expected,
            $"{rows} facts; log:\n{shop.Log}\n", Cancel, deadline);

        using var process = Process.GetProcessById(await processor.Pid);
        output.WriteLine(
            $"{rows:N0} rows in one transaction: {committed.TotalSeconds:0} s until the commit, " +
            $"{(watch.Elapsed - committed).TotalSeconds:0} s until all was visible; the processor's peak was " +
            $"{process.PeakWorkingSet64 / Megabyte} MB.");
        // macOS does not tell the peak.
        if (!OperatingSystem.IsMacOS())
            (process.PeakWorkingSet64 / Megabyte).Should().BeInRange(30, 500);
    }
}
