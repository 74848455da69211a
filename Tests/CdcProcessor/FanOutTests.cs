using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using AspireCdc.CdcProcessor;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>What a customer's change and a batch of orders cost must not grow with the fact tables.</summary>
public sealed class FanOutTests(ClickHouseServer clickhouse, PostgresServer postgres, ITestOutputHelper output)
{
    private const int OrdersOfACustomer = 10, OrdersOfABatch = 100;

    /// <summary>ClickHouse reads no less than a granule (<c>index_granularity</c>).</summary>
    private const int RowsOfAGranule = 8192;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_change_costs_the_same_however_many_orders_there_are()
    {
        int[] sizes = Environment.GetEnvironmentVariable("LONG_TESTS") == "1"
            ? [100_000, 1_000_000, 10_000_000, 50_000_000]
            : [30_000, 300_000];
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        using var reads = new ReadRows();
        using var client = new ClickHouseClient(shop.ClickHouse.ConnectionString, reads);
        await using var sink = new ClickHouseSink(
            client, Store.Own, new CdcOptions(), new ProcessorStatus(), new FactProgress(), TimeProvider.System,
            NullLogger<ClickHouseSink>.Instance);
        await sink.OpenAsync(Cancel);
        await sink.BeginAsync(new SourceIdentity("postgresql", "test", 1, Ordered: true), Cancel);

        var ofACustomer = new List<long>();
        var ofABatch = new List<long>();
        var filled = 0;
        var position = 1_000_000UL;
        foreach (var size in sizes)
        {
            await FillAsync(shop, filled, size);
            filled = size;
            var customers = size / OrdersOfACustomer;
            ofACustomer.Add(await MeasureAsync($"{size:N0} orders, a customer's change", i => CustomerChange(i * 997 % customers, position),
                "city", OrdersOfACustomer));
            ofABatch.Add(await MeasureAsync($"{size:N0} orders, a batch of {OrdersOfABatch} others", i => OrderChanges(
                Enumerable.Range(1, OrdersOfABatch).Select(n => (int)((long)(i + 1) * n * 7919 % size)), customers, position),
                "status", OrdersOfABatch));
        }

        // Reading all orders would make it ten or a hundred times as much.
        ofACustomer[0].Should().BePositive();
        ofACustomer[^1].Should().BeLessThan(3 * ofACustomer[0]);
        // Each order's customer is looked up, in a granule of its own as soon as there are so many.
        ofABatch[0].Should().BePositive();
        ofABatch.Should().OnlyContain(rows => rows <= OrdersOfABatch * RowsOfAGranule);

        // Each change sets a column of the facts to its position.
        async Task<long> MeasureAsync(string what, Func<int, ChangeBatch> change, string column, int facts)
        {
            var times = new List<double>();
            reads.Count = 0;
            for (var i = 0; i < 15; i++)
            {
                position += 1000;
                var watch = Stopwatch.StartNew();
                using (var batch = change(i))
                    await sink.WriteAsync(batch, Cancel);
                times.Add(watch.Elapsed.TotalMilliseconds);
                (await shop.QueryAsync($"SELECT count() FROM order_fact WHERE {column} = '{position}'", Cancel)).Should()
                    .Be($"{facts}\n");
            }
            times.Sort();
            output.WriteLine(
                $"{what}: {reads.Count / times.Count:N0} rows read, {times[times.Count / 2]:0.0} ms (median; {times[0]:0.0} to " +
                $"{times[^1]:0.0})");
            return reads.Count / times.Count;
        }
    }

    private static async Task FillAsync(Store shop, int from, int to)
    {
        // A customer's orders lie as far apart as they can.
        var customer = $"({from / OrdersOfACustomer} + (number - {from}) % {(to - from) / OrdersOfACustomer})";
        await shop.QueryAsync(
            "INSERT INTO customer_dim SELECT number, 'name', 'email', 'CH', 'Bern', now64(6), 0, -1, 1, 1 FROM " +
            $"numbers({from / OrdersOfACustomer}, {(to - from) / OrdersOfACustomer})", Cancel);
        for (var first = from; first < to; first += 1_000_000)
        {
            var count = Math.Min(1_000_000, to - first);
            await shop.QueryAsync(
                $"INSERT INTO order_landing SELECT number, {customer}, now64(6), 'sent', 1, 0, -1, 1, 1 FROM numbers({first}, {count})",
                Cancel);
            await shop.QueryAsync(
                $"INSERT INTO order_fact SELECT number, now64(6), 'sent', 1, {customer}, 'name', 'email', 'CH', 'Bern', 0, 1, 1 FROM " +
                $"numbers({first}, {count})", Cancel);
        }
    }

    private static ChangeBatch CustomerChange(int customer, ulong position) => Changes(
        "customer", position, [[Text(customer), "name", "email", "CH", Text(position), "2026-01-01 00:00:00+00"]]);

    private static ChangeBatch OrderChanges(IEnumerable<int> orders, int customers, ulong position) => Changes(
        "order", position,
        orders.Select(order => (string[])
            [Text(order), Text(order % customers), "2026-01-01 00:00:00+00", Text(position), "1.00"]));

    private static string Text(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);

    private static ChangeBatch Changes(string table, ulong position, IEnumerable<string[]> rows)
    {
        var batch = new ChangeBatch();
        foreach (var values in rows)
            batch.Add(Store.Own.Table(table), values, position, position + (ulong)batch.Count, ChangeOperation.Update);
        batch.EndAt(new SourcePosition(-1, position + 500));
        return batch;
    }

    /// <summary>Counts the rows that ClickHouse says it has read.</summary>
    private sealed class ReadRows() : DelegatingHandler(new SocketsHttpHandler())
    {
        private long _count;

        public long Count
        {
            get => Interlocked.Read(ref _count);
            set => Interlocked.Exchange(ref _count, value);
        }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            using var summary = JsonDocument.Parse(response.Headers.GetValues("X-ClickHouse-Summary").Single());
            Interlocked.Add(
                ref _count, long.Parse(summary.RootElement.GetProperty("read_rows").GetString()!, CultureInfo.InvariantCulture));
            return response;
        }
    }
}
