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

/// <summary>What one customer's change costs must not grow with the fact tables.</summary>
public sealed class FanOutTests(ClickHouseServer clickhouse, PostgresServer postgres, ITestOutputHelper output)
{
    private const int OrdersOfACustomer = 10;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_customers_change_costs_the_same_however_many_orders_there_are()
    {
        int[] sizes = Environment.GetEnvironmentVariable("LONG_TESTS") == "1" ? [100_000, 1_000_000, 10_000_000] : [30_000, 300_000];
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        using var reads = new ReadRows();
        using var client = new ClickHouseClient(shop.ClickHouse.ConnectionString, reads);
        await using var sink = new ClickHouseSink(client, Store.Own, new ProcessorStatus(), new FactProgress(), TimeProvider.System, NullLogger<ClickHouseSink>.Instance);
        await sink.OpenAsync(Cancel);
        await sink.BeginAsync(new SourceIdentity("postgresql", "test", 1, Ordered: true), Cancel);

        var rows = new List<long>();
        var filled = 0;
        var position = 1_000_000UL;
        foreach (var size in sizes)
        {
            await FillAsync(shop, filled, size);
            filled = size;
            var times = new List<double>();
            reads.Count = 0;
            for (var i = 0; i < 15; i++)
            {
                position += 10;
                var watch = Stopwatch.StartNew();
                using (var batch = Change((i * 997) % (size / OrdersOfACustomer), $"City {position}", position))
                    await sink.WriteAsync(batch, Cancel);
                times.Add(watch.Elapsed.TotalMilliseconds);
                (await shop.QueryAsync($"SELECT count() FROM order_fact WHERE city = 'City {position}'", Cancel)).Should().Be($"{OrdersOfACustomer}\n");
            }
            times.Sort();
            rows.Add(reads.Count / times.Count);
            output.WriteLine($"{size,12:N0} orders: {rows[^1]:N0} rows read, {times[times.Count / 2]:0.0} ms (median; {times[0]:0.0} to {times[^1]:0.0})");
        }

        // Reading all orders would make it ten or a hundred times as much.
        rows[0].Should().BePositive();
        rows[^1].Should().BeLessThan(3 * rows[0]);
    }

    private static async Task FillAsync(Store shop, int from, int to)
    {
        // A customer's orders lie as far apart as they can.
        var customer = $"({from / OrdersOfACustomer} + (number - {from}) % {(to - from) / OrdersOfACustomer})";
        await shop.QueryAsync($"INSERT INTO customer_dim SELECT number, 'name', 'email', 'CH', 'Bern', now64(6), 0, -1, 1, 1 FROM numbers({from / OrdersOfACustomer}, {(to - from) / OrdersOfACustomer})", Cancel);
        for (var first = from; first < to; first += 1_000_000)
        {
            var count = Math.Min(1_000_000, to - first);
            await shop.QueryAsync($"INSERT INTO order_landing SELECT number, {customer}, now64(6), 'sent', 1, 0, -1, 1, 1 FROM numbers({first}, {count})", Cancel);
            await shop.QueryAsync($"INSERT INTO order_fact SELECT number, now64(6), 'sent', 1, {customer}, 'name', 'email', 'CH', 'Bern', 0, 1, 1 FROM numbers({first}, {count})", Cancel);
        }
    }

    private static ChangeBatch Change(int customer, string city, ulong position)
    {
        var batch = new ChangeBatch();
        var relation = Relation.Of(Store.Own.Table("customer"));
        var row = batch.AddRow(6);
        string[] values = [customer.ToString(CultureInfo.InvariantCulture), "name", "email", "CH", city, "2026-01-01 00:00:00+00"];
        for (var i = 0; i < values.Length; i++)
            batch.SetText(row, i, System.Text.Encoding.UTF8.GetBytes(values[i]));
        batch.Add(new Change(relation, ChangeOperation.Update, Lsn.Version(position, position), position, -1, 0, RowRef.None, row));
        batch.EndAt(new SourcePosition(-1, position + 1));
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
            Interlocked.Add(ref _count, long.Parse(summary.RootElement.GetProperty("read_rows").GetString()!, CultureInfo.InvariantCulture));
            return response;
        }
    }
}
