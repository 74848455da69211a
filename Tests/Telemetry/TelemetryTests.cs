using System.Net.Http.Json;
using System.Text.Json;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Telemetry;

/// <summary>What the services export, as a dashboard gets it.</summary>
public sealed class TelemetryTests(TelemetryStack stack) : IClassFixture<TelemetryStack>
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_duration_has_buckets_from_a_millisecond_to_a_minute()
    {
        await PostCustomerAsync();
        await MetricAsync("cdc.end_to_end.latency", found => found.Count > 0);
        await MetricAsync("http.server.request.duration", found =>
            found.Any(point => point.Attributes.GetValueOrDefault("http.request.method") == "POST"));

        var histograms = stack.Receiver.Metrics.Where(point => point.Kind == "histogram").ToList();
        histograms.Select(point => point.Name).Should().Contain(
            ["cdc.end_to_end.latency", "cdc.sink.duration", "cdc.batch.size", "http.server.request.duration",
                "db.client.operation.duration"]);
        histograms.Should().AllSatisfy(point =>
        {
            point.Unit.Should().NotBe("ms", "{0} has seconds, as semantic conventions want", point);
            if (point.Unit != "s")
                return;
            point.Bounds[0].Should().Be(0.001, "{0}", point);
            point.Bounds[^1].Should().Be(60, "{0}", point);
            point.Bounds.Zip(point.Bounds.Skip(1)).Should().OnlyContain(
                pair => pair.Second / pair.First <= 2, "each percentile is told within half, {0}", point);
        });
        histograms.GroupBy(point => (point.Service, point.Name)).Should()
            .OnlyContain(group => group.Select(point => point.Bounds.Count).Distinct().Count() == 1, "an instrument is exported once");
    }

    [Fact]
    public async Task Changes_are_what_happened_to_rows_and_nothing_else()
    {
        await PostCustomerAsync();
        await stack.Store.ExecuteAsync("UPDATE customer SET city = 'Thun' WHERE id = 1; DELETE FROM product WHERE false", Cancel);
        await stack.Processor.PostAsync("/operations/resync?table=customer", null, Cancel);
        await Wait.UntilAsync(async () => (await CopiesAsync()) == "Done", "the customers to be copied anew", Cancel, Patience);

        var changes = await MetricAsync("cdc.changes", found => found.Any(IsUpdateOfCustomer));
        changes.Select(point => point.Attributes["operation"]).Should()
            .BeSubsetOf(["insert", "update", "delete", "truncate"], "a copied row and a marker are no change");
        changes.Where(IsUpdateOfCustomer).Should().ContainSingle(point => point.Value == 1);

        static bool IsUpdateOfCustomer(MetricPoint point) =>
            point.Attributes.GetValueOrDefault("table") == "customer" && point.Attributes.GetValueOrDefault("operation") == "update";

        async Task<string> CopiesAsync() =>
            (await stack.Store.QueryAsync(
                "SELECT splitByChar(' ', state)[1] FROM cdc_progress FINAL WHERE kind = 'copy' AND name = 'customer'", Cancel)).Trim();
    }

    /// <summary>A state that is only left out when it is over stays in a Prometheus for five minutes.</summary>
    [Fact]
    public async Task Every_state_of_the_pipeline_is_told_with_whether_it_is_the_one()
    {
        var states = await MetricAsync(
            "cdc.pipeline.state", found => Last(found).GetValueOrDefault("Streaming") == 1 && Last(found).Values.Sum() == 1);

        Last(states).Should().Equal(Enum.GetNames<Phase>().ToDictionary(state => state, state => state == "Streaming" ? 1.0 : 0.0));

        static Dictionary<string, double> Last(IEnumerable<MetricPoint> points) =>
            points.GroupBy(point => point.Attributes["state"]).ToDictionary(state => state.Key, state => state.Last().Value);
    }

    [Fact]
    public async Task Every_metric_that_the_dashboard_and_the_alert_rules_name_is_exported()
    {
        var named = NamedMetrics.Read();
        named.Should().Contain(["cdc_end_to_end_latency_seconds_bucket", "cdc_changes_total", "cdc_source_lag_bytes"]);

        await PostCustomerAsync();

        await Wait.ForAsync(
            () => Task.FromResult(string.Join(' ', named.Except(NamedMetrics.NotAlways).Except(Exported()))), missing =>
            missing.Length == 0,
            "these metrics to be exported", Cancel, Patience);

        IEnumerable<string> Exported() => stack.Receiver.Metrics
            .Select(point => point.Kind == "histogram" ? point.PrometheusName + "_bucket" : point.PrometheusName);
    }

    [Fact]
    public async Task Nothing_makes_a_trace_while_nothing_happens()
    {
        await PostCustomerAsync();
        await stack.Store.AssertStarEqualsJoinAsync(Cancel, Patience);
        await ExportsAsync(4); // what the POST has caused is there
        var before = stack.Receiver.Spans.Count;

        // The lag is looked at every five seconds, and whoever orchestrates asks for the health as often.
        await ExportsAsync(24, async () =>
        {
            foreach (var service in (HttpClient[])[stack.Api, stack.Processor])
                (await service.GetAsync("/health", Cancel)).EnsureSuccessStatusCode();
        });

        stack.Receiver.Spans.Skip(before).Should().BeEmpty();
    }

    [Fact]
    public async Task One_trace_runs_from_a_request_over_its_commit_to_the_rows_in_ClickHouse()
    {
        var customer = await PostAsync("customers", new
        {
            email = $"{Guid.NewGuid():N}@example.com",
            name = "Ada",
            country = "UK",
            city = "London"
        });
        var product = await PostAsync("products", new { name = "Mouse", category = "Tools", price = 1.5m });
        var trace = Guid.NewGuid().ToString("N");

        await PostAsync("orders", new
        {
            customerId = customer,
            total = 3m,
            items = new[] { new { productId = product, quantity = 2, price = 1.5m } }
        }, trace);

        var (text, spans) = await Wait.ForAsync(
            () => Task.FromResult(SpansOf(trace)),
            found => found.Spans.Exists(span => span.Name == "cdc transaction")
            && found.Spans.Exists(span => span.Name == "POST /api/orders/"),
            "the trace to reach ClickHouse", Cancel, Patience);
        TestContext.Current.TestOutputHelper?.WriteLine(text);

        var request = spans.Single(span => span.Name == "POST /api/orders/");
        var transaction = spans.Single(span => span.Name == "cdc transaction");
        var batch = spans.Single(span => span.Name == "cdc batch");
        var save = spans.Single(span => span.Name == "save order" && span.Parent == request.Id);
        transaction.Parent.Should().Be(save.Id, "it is saved within that step");
        batch.Parent.Should().Be(transaction.Id);
        transaction.Attributes["cdc.tables"].Should().Be("order,orderitem");
        transaction.Attributes["cdc.operations"].Should().Be("insert");
        transaction.Attributes["cdc.rows"].Should().Be("2");
        transaction.Attributes["cdc.lsn"].Should().MatchRegex("^[0-9A-F]+/[0-9A-F]+$");
        transaction.End.Should().BeOnOrAfter(batch.End);

        foreach (var fact in (string[])["order_fact", "orderitem_fact"])
        {
            var derivation = spans.Single(span => span.Name == $"derive {fact}");
            derivation.Parent.Should().Be(batch.Id);
            spans.Should().ContainSingle(span => span.Name == $"INSERT {fact}" && span.Parent == derivation.Id);
        }
        spans.Should().ContainSingle(span => span.Name == "derive others of orderitem_fact" && span.Parent == batch.Id);
        spans.Where(span => span.Parent == batch.Id && span.Kind == Span.Client).Select(span => span.Name).Should()
            .BeEquivalentTo("INSERT order_landing", "INSERT orderitem_landing");
        spans.Where(span => span.Service == "cdc-processor" && span.Kind == Span.Client).Should()
            .AllSatisfy(span => span.Attributes.Should()
            .Contain("db.system.name", "clickhouse").And.Contain("db.namespace", stack.Store.ClickHouse.Name).And.ContainKeys(
                "db.operation.name", "server.address", "server.port"));
        spans.Should().ContainSingle(span => span.Name == "read order" && span.Parent == request.Id);
        spans.Where(span => span.Service == "api" && span.Kind == Span.Client && span.Name != "CONNECT shop")
            .Should().OnlyContain(span => span.Parent == save.Id).And.Subject.Select(span => span.Name)
            .Should().Equal("INSERT order", "INSERT orderitem", "COMMIT");
        spans.Should().NotContain(span => span.Name == "POST" || span.Name.StartsWith("HTTP", StringComparison.Ordinal),
            "a statement's span says what it does");
        spans.Where(span => span.Id != request.Id).Should().OnlyContain(
            span => spans.Any(parent => parent.Id == span.Parent), "no span hangs in the air");
    }

    [Fact]
    public async Task A_request_that_is_not_sampled_leaves_nothing_in_the_log()
    {
        var trace = Guid.NewGuid().ToString("N");
        await PostAsync("products", new { name = trace, category = "Tools", price = 1m }, trace, isSampled: false);
        var position = await stack.Store.Postgres.ScalarAsync<string>("SELECT pg_current_wal_flush_lsn()::text", Cancel);
        using var read = new HttpRequestMessage(HttpMethod.Get, "/api/analytics/top-products") { Headers = { { "X-Min-Lsn", position } } };
        (await stack.Api.SendAsync(read, Cancel)).EnsureSuccessStatusCode();
        await ExportsAsync(2);

        stack.Receiver.Spans.Should().NotContain(span => span.Trace == trace);
    }

    [Fact]
    public async Task Transactions_that_are_written_as_one_batch_have_each_its_own_span()
    {
        var traces = Enumerable.Range(0, 5).Select(_ => Guid.NewGuid().ToString("N")).ToList();
        await stack.Store.ExecuteAsync(string.Join(' ', traces.Select(trace => $"""
            BEGIN; SELECT pg_logical_emit_message(true, 'traceparent', '00-{trace}-00f067aa0ba902b7-01');
            INSERT INTO product (name, category, price) VALUES ('{trace}', 'a', 1), ('{trace}', 'b', 1); UPDATE product SET price = 2
                WHERE name = '{trace}'; COMMIT;
            """)), Cancel);

        var spans = await Wait.ForAsync(
            () => Task.FromResult(stack.Receiver.Spans.Where(span => span.Name == "cdc transaction" && traces.Contains(span.Trace))
                .ToList()),
            found => found.Count >= traces.Count, "a span in each trace", Cancel, Patience);
        spans.Select(span => span.Trace).Should().BeEquivalentTo(traces);
        spans.Should().OnlyContain(span => span.Parent == "00f067aa0ba902b7" && span.Attributes["cdc.rows"] == "4"
            && span.Attributes["cdc.operations"] == "insert,update");
        var batches = stack.Receiver.Spans.Where(span => span.Name == "cdc batch" && traces.Contains(span.Trace)).ToList();
        spans.Should().OnlyContain(span => batches.Any(batch => batch.Parent == span.Id || batch.Links.Contains(span.Id)),
            "each leads to the batch that wrote it");
    }

    /// <summary>Waits until both services have exported their metrics so often, which they do twice a second.</summary>
    private async Task ExportsAsync(int count, Func<Task>? meanwhile = null)
    {
        string[] services = ["api", "cdc-processor"];
        var until = services.ToDictionary(service => service, service => stack.Receiver.ExportsOf(service) + count);
        await Wait.UntilAsync(
            async () =>
            {
                await (meanwhile?.Invoke() ?? Task.CompletedTask);
                return services.All(service => stack.Receiver.ExportsOf(service) >= until[service]);
            },
            "more exports", Cancel, Patience);
    }

    private Task<List<MetricPoint>> MetricAsync(string name, Func<List<MetricPoint>, bool> expected) => Wait.ForAsync(
        () => Task.FromResult(stack.Receiver.Metrics.Where(point => point.Name == name).ToList()), expected, $"{name} to be exported",
        Cancel, Patience);

    private (string Text, List<Span> Spans) SpansOf(string trace)
    {
        var spans = stack.Receiver.Spans.Where(span => span.Trace == trace).OrderBy(span => span.Start).ToList();
        return (string.Concat(spans.Select(span => $"\n{span.Start:ss.ffffff} {span.Parent} > {span.Id} {span}")), spans);
    }

    private Task PostCustomerAsync() =>
        PostAsync("customers", new { email = $"{Guid.NewGuid():N}@example.com", name = "Ada", country = "UK", city = "London" });

    /// <summary>The new row's id.</summary>
    private async Task<long> PostAsync<T>(string resource, T row, string? trace = null, bool isSampled = true)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/{resource}") { Content = JsonContent.Create(row) };
        if (trace is not null)
            request.Headers.Add("traceparent", $"00-{trace}-00f067aa0ba902b7-{(isSampled ? "01" : "00")}");
        using var answer = await stack.Api.SendAsync(request, Cancel);
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("id").GetInt64();
    }
}
