using System.Collections.Concurrent;
using System.Globalization;
using AspireCdc.CdcProcessor;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>Batches with more rows than stand in a statement: their facts are read back by the versions that they landed with.</summary>
public sealed class LargeBatchTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private const int Many = 400;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Its_own_facts_show_the_last_row_of_each_key_and_are_found_by_version()
    {
        await using var work = await Work.StartAsync(postgres, clickhouse);

        await work.WriteAsync(10, [Customer(1, "Ann"), .. Orders(1, Many, customer: 1, "pending")]);
        await work.WriteAsync(20, [.. Orders(1, Many, customer: 1, "paid"), .. Orders(1, Many - 100, customer: 1, "sent"), DeleteOrder(7)]);

        (await work.QueryAsync("SELECT status, customer_name, lsn, count() FROM order_fact FINAL GROUP BY ALL ORDER BY ALL"))
            .Should().Be($"paid\tAnn\t20\t100\nsent\tAnn\t20\t{Many - 101}\n");
        work.Derivations("order_fact").Should()
            .OnlyContain(sql => sql.Contains("WHERE version BETWEEN") && !sql.Contains("IN (SELECT * FROM"));
    }

    [Fact]
    public async Task It_lands_with_the_statistics_by_which_it_is_found_and_a_small_one_without()
    {
        await using var work = await Work.StartAsync(postgres, clickhouse);

        await work.WriteAsync(10, [Customer(1, "Ann"), .. Orders(1, Many, customer: 1, "pending")]);
        await work.WriteAsync(20, [.. Orders(Many, 3, customer: 1, "pending")]);

        (await work.QueryAsync(
            "SELECT table, rows, toString(statistics) FROM system.parts_columns WHERE database = currentDatabase() AND active " +
            "AND column = 'version' AND table IN ('order_landing', 'customer_dim', 'order_fact') ORDER BY ALL"))
            .Should().Be(
                $"customer_dim\t1\t[]\norder_fact\t3\t[]\norder_fact\t{Many}\t[]\n" +
                $"order_landing\t3\t[]\norder_landing\t{Many}\t[\\'Basic\\']\n");
    }

    [Fact]
    public async Task A_newer_row_that_has_landed_before_is_left_to_what_brought_it()
    {
        await using var work = await Work.StartAsync(postgres, clickhouse);
        await work.LandAsync(
            $"order_landing (order_id, customer_id, status, lsn, version) VALUES (5, 1, 'copied', 1000, {Lsn.CopyVersion(1000)})");

        await work.WriteAsync(10, [Customer(1, "Ann"), .. Orders(1, Many, customer: 1, "pending")]);
        await work.WriteAsync(20, [Customer(2, "Bea"), .. Orders(2, Many, customer: 2, "paid")]);

        (await work.QueryAsync("SELECT count() FROM order_fact WHERE status = 'copied' SETTINGS final = 0")).Should().Be("0\n");
        (await work.QueryAsync("SELECT status, customer_name, count() FROM order_fact FINAL WHERE order_id != 5 GROUP BY ALL ORDER BY ALL"))
            .Should().Be($"paid\tBea\t{Many - 1}\npending\tAnn\t1\n");
    }

    [Fact]
    public async Task Rows_of_a_copy_whose_point_lies_within_it_are_left_to_their_marker()
    {
        await using var work = await Work.StartAsync(postgres, clickhouse);
        await work.LandAsync(
            $"order_landing (order_id, customer_id, status, lsn, version) SELECT 1000 + number, 1, 'copied', 15, {Lsn.CopyVersion(15)} " +
            "FROM numbers(1000)");

        await work.WriteAsync(5, [Customer(2, "Bea")]);

        await work.WriteAsync(10, [.. Orders(1, Many, customer: 2, "pending")], last: 20);

        (await work.QueryAsync("SELECT status, lsn, count() FROM order_fact FINAL GROUP BY ALL ORDER BY ALL"))
            .Should().Be($"pending\t10\t{Many - 1}\npending\t20\t1\n");
    }

    [Fact]
    public async Task Facts_that_show_its_rows_without_being_in_it_follow()
    {
        await using var work = await Work.StartAsync(postgres, clickhouse);
        await work.WriteAsync(10, [Customer(1, "Ann"), Customer(2, "Bea"), Product(1, "Saw")]);
        await work.WriteAsync(20, [.. Orders(1, 3, customer: 1, "pending"), Item(1, order: 1), Item(2, order: 2)]);
        await work.WriteAsync(30, [.. Orders(100, 300, customer: 2, "pending"), .. Items(100, 300)]);

        await work.WriteAsync(
            40, [Customer(1, "Anna"), Customer(2, "Beate"), .. Orders(100, 280, customer: 2, "paid"), .. Items(100, 280)]);

        (await work.QueryAsync("SELECT status, customer_name, lsn, count() FROM order_fact FINAL GROUP BY ALL ORDER BY ALL"))
            .Should().Be("paid\tBeate\t40\t280\npending\tAnna\t40\t3\npending\tBeate\t40\t20\n");
        (await work.QueryAsync("SELECT status, product_name, lsn, count() FROM orderitem_fact FINAL GROUP BY ALL ORDER BY ALL"))
            .Should().Be("paid\tSaw\t40\t280\npending\tSaw\t40\t22\n");
    }

    [Fact]
    public async Task A_batch_with_a_dead_letter_is_looked_up_by_its_keys()
    {
        await using var work = await Work.StartAsync(postgres, clickhouse);

        await work.WriteAsync(
            10, [Customer(1, "Ann"), .. Orders(1, Many, customer: 1, "pending"), new("order", ["9999", "no number", Time, "x", "1.00"])]);

        (await work.QueryAsync("SELECT count() FROM order_fact FINAL")).Should().Be($"{Many}\n");
        work.Derivations("order_fact").Should().OnlyContain(sql => !sql.Contains("WHERE version BETWEEN"));
    }

    [Fact]
    public async Task Tables_with_fewer_rows_than_it_has_are_read_whole_and_larger_ones_by_key()
    {
        await using var work = await Work.StartAsync(postgres, clickhouse);
        await work.WriteAsync(10, [Customer(1, "Ann"), Customer(2, "Bea"), .. Orders(1, Many, customer: 1, "pending")]);
        work.Derivations("order_fact").Should().OnlyContain(sql => sql.Contains("FROM `customer_dim` ORDER BY"));

        await work.LandAsync($"customer_dim (customer_id, lsn, version) SELECT 100 + number, 1, 1 FROM numbers({Many})");
        await work.BeginAnewAsync();
        await work.WriteAsync(20, [.. Orders(1, Many, customer: 2, "paid")]);

        work.Derivations("order_fact").Should().OnlyContain(sql => sql.Contains("FROM `customer_dim` WHERE"));
        (await work.QueryAsync("SELECT status, customer_name, count() FROM order_fact FINAL GROUP BY ALL"))
            .Should().Be($"paid\tBea\t{Many}\n");
    }

    private static Row Customer(int id, string name) => new("customer", [Text(id), name, "email", "CH", "Bern", Time]);

    private static Row Product(int id, string name) => new("product", [Text(id), name, "Tools", "1.00", Time]);

    private static Row Item(int id, int order) => new("orderitem", [Text(id), Text(order), "1", "1", "1.00"]);

    private static IEnumerable<Row> Items(int first, int count) => Enumerable.Range(first, count).Select(id => Item(id, order: id));

    private static IEnumerable<Row> Orders(int first, int count, int customer, string status) => Enumerable.Range(first, count)
        .Select(id => new Row("order", [Text(id), Text(customer), Time, status, "1.00"]));

    private static Row DeleteOrder(int id) => new("order", [Text(id)], ChangeOperation.Delete);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private const string Time = "2026-01-01 00:00:00+00";

    private sealed record Row(string Table, string[] Values, ChangeOperation Operation = ChangeOperation.Insert);

    /// <summary>A sink that one ordered reader fills, and its statements.</summary>
    private sealed class Work : IAsyncDisposable
    {
        private readonly Store _shop;
        private readonly Statements _statements;
        private readonly ClickHouseClient _client;
        private readonly ClickHouseSink _sink;

        private Work(Store shop)
        {
            _shop = shop;
            _statements = new Statements();
            _client = new ClickHouseClient(shop.ClickHouse.ConnectionString, _statements);
            _sink = new ClickHouseSink(
                _client, Store.Own, new CdcOptions(), new ProcessorStatus(), new FactProgress(), TimeProvider.System,
                NullLogger<ClickHouseSink>.Instance);
        }

        public static async Task<Work> StartAsync(PostgresServer postgres, ClickHouseServer clickhouse)
        {
            var work = new Work(await Store.CreateAsync(postgres, clickhouse, Cancel));
            await work.BeginAnewAsync();
            return work;
        }

        public async Task BeginAnewAsync()
        {
            await _sink.OpenAsync(Cancel);
            await _sink.BeginAsync(new SourceIdentity("postgresql", "test", 1, Ordered: true), Cancel);
            _statements.Clear();
        }

        public Task LandAsync(string rows) => _client.ExecuteAsync($"INSERT INTO {rows}", Cancel);

        /// <summary>Writes a batch of one commit, or of two, of which the second has the last row.</summary>
        public async Task WriteAsync(ulong lsn, IReadOnlyList<Row> rows, ulong? last = null)
        {
            using var batch = new ChangeBatch();
            foreach (var (table, values, operation) in rows)
            {
                if (batch.Count == rows.Count - 1)
                    lsn = last ?? lsn;
                batch.Add(Store.Own.Table(table), values, lsn, lsn + (ulong)batch.Count, operation);
            }
            batch.EndAt(new SourcePosition(-1, lsn + 1));
            await _sink.WriteAsync(batch, Cancel);
        }

        public Task<string> QueryAsync(string sql) => _shop.QueryAsync(sql, Cancel);

        /// <summary>The statements that have derived a fact.</summary>
        public IReadOnlyCollection<string> Derivations(string fact)
        {
            string[] found = [.. _statements.Sent.Where(sql => sql.Contains($"INSERT INTO `{fact}`") && sql.Contains("WITH "))];
            found.Should().NotBeEmpty();
            return found;
        }

        public async ValueTask DisposeAsync()
        {
            await _sink.DisposeAsync();
            _client.Dispose();
            await _shop.DisposeAsync();
        }
    }

    private sealed class Statements() : DelegatingHandler(new SocketsHttpHandler())
    {
        public ConcurrentQueue<string> Sent { get; } = [];

        public void Clear() => Sent.Clear();

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            await request.Content!.LoadIntoBufferAsync(cancellationToken);
            Sent.Enqueue(await request.Content.ReadAsStringAsync(cancellationToken));
            return await base.SendAsync(request, cancellationToken);
        }
    }
}
