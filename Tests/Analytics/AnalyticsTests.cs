using System.Globalization;
using System.Net;
using System.Text.Json;
using AspireCdc.Tests.Api;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Analytics;

/// <summary>ClickHouse's answers equal PostgreSQL's, to the cent.</summary>
public sealed class AnalyticsTests(Sales sales) : IClassFixture<Sales>
{
    private const string Items =
        """orderitem i JOIN "order" o ON o.id = i.order_id JOIN customer c ON c.id = o.customer_id JOIN product p ON p.id = i.product_id""";
    private const string Sums = """count(DISTINCT o.id) AS orders, sum(i.quantity) AS quantity, sum(i.quantity * i.price) AS revenue""";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("revenue-by-day",
        $"SELECT (o.order_date AT TIME ZONE 'UTC')::date AS day, {Sums} FROM {Items} WHERE period GROUP BY 1 ORDER BY 1 DESC")]
    [InlineData(
        "revenue-by-minute",
        $"SELECT to_char(date_trunc('minute', o.order_date AT TIME ZONE 'UTC'), 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS minute, {Sums} " +
        $"FROM {Items} WHERE period GROUP BY 1 ORDER BY 1 DESC")]
    [InlineData("revenue-by-country", $"SELECT c.country, {Sums} FROM {Items} WHERE period GROUP BY 1 ORDER BY revenue DESC, 1")]
    [InlineData("revenue-by-category", $"SELECT p.category, {Sums} FROM {Items} WHERE period GROUP BY 1 ORDER BY revenue DESC, 1")]
    [InlineData("top-products",
        $"SELECT p.id AS \"productId\", p.name AS product, p.category, {Sums} FROM {Items} WHERE period " +
        "GROUP BY 1, 2, 3 ORDER BY revenue DESC, 1")]
    [InlineData("orders-by-status",
        """SELECT o.status, count(*) AS orders, sum(o.total) AS total FROM "order" o WHERE period GROUP BY 1 ORDER BY 2 DESC, 1""")]
    [InlineData(
        "top-customers",
        """
        SELECT c.id AS "customerId", c.name AS customer, c.country, count(*) AS orders, sum(o.total) AS total
        FROM "order" o JOIN customer c ON c.id = o.customer_id WHERE period GROUP BY 1, 2, 3 ORDER BY total DESC, 1
        """)]
    public async Task An_answer_equals_that_of_PostgreSQL(string path, string sql)
    {
        foreach (var (query, period) in ((string, string)[])
        [
            ("from=1900-01-01", "true"),
            ("from=2026-01-02&to=2026-01-03", "o.order_date >= '2026-01-02Z' AND o.order_date < '2026-01-03Z'"),
            ("from=2026-01-01&to=2026-01-02", "o.order_date >= '2026-01-01Z' AND o.order_date < '2026-01-02Z'"),
            ("from=2026-01-01T12:00:00Z&to=2026-01-01T18:30Z",
                "o.order_date >= '2026-01-01T12:00Z' AND o.order_date < '2026-01-01T18:30Z'"),
            ("from=2026-01-02T01:00:00%2B02:00&to=2026-01-02", "o.order_date >= '2026-01-01T23:00Z' AND o.order_date < '2026-01-02Z'"),
            ("from=2020-01-01&to=2020-01-02", "false"),
        ])
        {
            var to = path == "revenue-by-minute" && !query.Contains("to=", StringComparison.Ordinal) ? "&to=2299-01-01" : "";
            var expected = await sales.Store.Postgres.ScalarAsync<string>(
                $"SELECT coalesce(json_agg(q), '[]')::text FROM ({sql.Replace("WHERE period", $"WHERE {period}")}) q", Cancel);
            Rows((await sales.GetAsync($"{path}?{query}{to}&limit=1000")).Text).Should().Equal(Rows(expected!), "{0} {1}", path, query);
        }

        (await sales.GetAsync($"{path}?from=1900-01-01&to=2299-01-01&limit=1")).Json.GetArrayLength().Should().Be(1);
    }

    [Fact]
    public async Task An_orders_average_value_is_exact_to_the_cent()
    {
        var all = (await sales.GetAsync("average-order-value")).Json;
        var expected = await sales.Store.Postgres.ScalarAsync<string>(
            """SELECT count(*) || ' ' || sum(total) || ' ' || round(avg(total), 2) FROM "order" """, Cancel);
        $"{all.GetProperty("orders")} {all.GetProperty("total").GetRawText()} {all.GetProperty("average").GetRawText()}".Should()
            .Be(expected);

        var none = (await sales.GetAsync("average-order-value?to=1999-12-31")).Json;
        none.GetProperty("orders").GetInt64().Should().Be(0);
        none.GetProperty("average").ValueKind.Should().Be(JsonValueKind.Null);
    }

    [Fact]
    public async Task An_answer_says_how_far_it_goes_how_old_it_is_and_what_it_cost()
    {
        var answer = await sales.GetAsync("revenue-by-day");

        var applied = answer.Headers.GetValues("X-Applied-Lsn").Single();
        (await sales.Store.Postgres.ScalarAsync<bool>($"SELECT '{applied}'::pg_lsn BETWEEN '0/1' AND pg_current_wal_flush_lsn()", Cancel))
            .Should().BeTrue();
        double.Parse(answer.Headers.GetValues("X-Applied-Age").Single(), CultureInfo.InvariantCulture).Should().BeGreaterThanOrEqualTo(0);
        var timing = string.Join(", ", answer.Headers.GetValues("Server-Timing"));
        timing.Should().MatchRegex("""position;dur=[0-9.]+, clickhouse;dur=[0-9.]+;desc="[1-9][0-9]* rows read".*""");
    }

    [Fact]
    public async Task Wrong_parameters_are_named_all_at_once()
    {
        var answer = (await sales.GetAsync("top-products?from=yesterday&to=2026-13-01&limit=0"))
            .ShouldBeProblem(HttpStatusCode.UnprocessableEntity);
        answer.Fields.Should().BeEquivalentTo("from", "to", "limit");
        (await sales.GetAsync("top-products?from=2026-02-01&to=2026-02-01"))
            .ShouldBeProblem(HttpStatusCode.UnprocessableEntity).Fields.Should().Equal("from");
        (await sales.GetAsync("top-products?limit=1001")).ShouldBeProblem(HttpStatusCode.UnprocessableEntity).Fields.Should()
            .Equal("limit");
        (await sales.GetAsync("top-products?from=1800-01-01")).ShouldBeProblem(HttpStatusCode.UnprocessableEntity).Fields.Should()
            .Equal("from");
        (await sales.GetAsync("top-products", ("X-Min-Lsn", "17"))).ShouldBeProblem(HttpStatusCode.UnprocessableEntity).Fields.Should()
            .Equal("X-Min-Lsn");
    }

    [Fact]
    public async Task A_write_is_read_where_its_position_is_asked_for()
    {
        var country = Guid.NewGuid().ToString("N");
        for (var i = 1; i <= 5; i++)
        {
            var customer = await PostAsync("customers",
                $$"""{"email":"{{Guid.NewGuid():N}}@x.org","name":"Ada","country":"{{country}}","city":"x"}""");
            var order = await PostAsync(
                "orders",
                $$"""{"customerId":{{customer.Json.GetProperty("id")}},"total":1.5,"orderDate":"2100-01-01T00:00:00Z","items":[{"productId":1,"quantity":1,"price":1.5}]}""");

            var read = await sales.GetAsync("revenue-by-country?from=2100-01-01",
                ("X-Min-Lsn", order.Headers.GetValues("X-Commit-Lsn").Single()));

            read.Status.Should().Be(HttpStatusCode.OK, read.Text);
            read.Json.EnumerateArray().Single(row => row.GetProperty("country").GetString() == country).GetProperty("orders").GetInt64()
                .Should().Be(i);
            (await sales.Client.AnswerAsync(HttpMethod.Delete, $"/api/orders/{order.Json.GetProperty("id")}")).Headers.GetValues(
                "X-Commit-Lsn").Should().ContainSingle();
            await PostAsync(
                "orders",
                $$"""{"customerId":{{customer.Json.GetProperty("id")}},"total":1.5,"orderDate":"2100-01-01T00:00:00Z","items":[{"productId":1,"quantity":1,"price":1.5}]}""");
        }
        await sales.Store.ExecuteAsync("DELETE FROM \"order\" WHERE order_date > '2099-01-01'", Cancel);
        var lsn = await sales.Store.Postgres.ScalarAsync<string>("SELECT pg_current_wal_flush_lsn()::text", Cancel);
        (await sales.GetAsync("revenue-by-country?from=2100-01-01", ("X-Min-Lsn", lsn!))).Text.Should().Be("[]");
    }

    [Fact]
    public async Task What_does_not_come_is_waited_for_within_bounds_and_the_position_reached_is_told()
    {
        var answer = (await sales.GetAsync("top-products", ("X-Min-Lsn", "FFFFFFFF/0"))).ShouldBeProblem(HttpStatusCode.GatewayTimeout);
        answer.Json.GetProperty("detail").GetString().Should().Contain("FFFFFFFF/0").And.Contain("CdcProcessor status");
        answer.Json.GetProperty("appliedLsn").GetString().Should().MatchRegex("^[0-9A-F]+/[0-9A-F]+$").And.NotBe("0/0");
    }

    [Fact]
    public async Task Without_a_ClickHouse_the_problem_says_what_to_set()
    {
        await using var api = ApiServer.Create(sales.Store.Postgres.ConnectionString, sales.Store.Postgres.Name);
        using var client = await ApiServer.StartAsync(api);
        var answer = (await client.AnswerAsync(HttpMethod.Get, "/api/analytics/top-products"))
            .ShouldBeProblem(HttpStatusCode.ServiceUnavailable);
        answer.Json.GetProperty("detail").GetString().Should().Be("No ClickHouse is named: set ConnectionStrings__clickhouse.");
        answer.Headers.RetryAfter.Should().NotBeNull();

        await using var lost = ApiServer.Create(
            sales.Store.Postgres.ConnectionString, sales.Store.Postgres.Name,
            $"--ConnectionStrings:clickhouse=Host=127.0.0.1;Port={FreePort.Next()};Username=panda;Password=x;Database=local");
        using var others = await ApiServer.StartAsync(lost);
        (await others.AnswerAsync(HttpMethod.Get, "/api/analytics/top-products")).ShouldBeProblem(HttpStatusCode.ServiceUnavailable)
            .Json.GetProperty("detail").GetString().Should().Be("ClickHouse does not answer.");

        await using var refused = ApiServer.Create(
            sales.Store.Postgres.ConnectionString, sales.Store.Postgres.Name,
            $"--ConnectionStrings:clickhouse={sales.Store.ClickHouse.ConnectionString.Replace("Password=", "Password=not-")}");
        using var strangers = await ApiServer.StartAsync(refused);
        (await strangers.AnswerAsync(HttpMethod.Get, "/api/analytics/top-products")).ShouldBeProblem(HttpStatusCode.ServiceUnavailable)
            .Json.GetProperty("detail").GetString().Should().Be("ClickHouse refuses the question (error 516); the log says why.");
    }

    private async Task<Answer> PostAsync(string resource, string json)
    {
        var answer = await sales.Client.AnswerAsync(HttpMethod.Post, $"/api/{resource}", new StringContent(json, null, "application/json"));
        answer.Created();
        return answer;
    }

    /// <summary>Each row's values as they are written: 1.50 is not 1.5.</summary>
    private static IEnumerable<string> Rows(string json) => JsonElement.Parse(json).EnumerateArray()
        .Select(row => string.Join(' ', row.EnumerateObject().Select(value => $"{value.Name}={value.Value.GetRawText()}")));
}
