using System.Net;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Api;

public sealed class ListTests(ApiServer api) : IClassFixture<ApiServer>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pages_go_by_key_and_link_to_the_next()
    {
        await api.Database.ExecuteAsync("""
            TRUNCATE customer CASCADE; INSERT INTO customer (email, name, country, city) SELECT n || '@example.com', 'A', 'B', 'C'
                FROM generate_series(1, 25) n
            """, Cancellation);
        var all = Ids(await api.GetAsync("/api/customers"));
        all.Should().HaveCount(25).And.BeInAscendingOrder();

        var (paged, path, pages) = (new List<long>(), "/api/customers?limit=10", 0);
        while (path.Length > 0)
        {
            var page = await api.GetAsync(path);
            paged.AddRange(Ids(page));
            path = page.Headers.TryGetValues("Link", out var link) ? link.Single() : "";
            if (path.Length > 0) path.Should().EndWith(">; rel=\"next\"");
            path = path.Split('>')[0].TrimStart('<');
            pages++;
        }
        pages.Should().Be(3);
        paged.Should().Equal(all);

        (await api.GetAsync("/api/customers?limit=25")).Headers.Contains("Link").Should().BeFalse("there is nothing after the last row");
        (await api.GetAsync("/api/customers")).Headers.Contains("Link").Should().BeFalse();
        Ids(await api.GetAsync($"/api/customers?after={all[20]}")).Should().Equal(all[21..]);
    }

    [Theory]
    [InlineData("limit=0", "limit"), InlineData("limit=1001", "limit"), InlineData("limit=-1", "limit"),
        InlineData("limit=x&after=y", "limit,after")]
    [InlineData("after=-1", "after"), InlineData("after=99999999999999999999", "after"), InlineData("limit=", "limit"),
        InlineData("limit=1%2B1", "limit")]
    public async Task What_is_no_page_is_refused(string query, string fields) =>
        (await api.GetAsync($"/api/customers?{query}")).ShouldBeProblem(HttpStatusCode.UnprocessableEntity).Fields.Should()
            .BeEquivalentTo(fields.Split(','));

    [Fact]
    public async Task A_long_list_is_never_held_in_memory()
    {
        const int Rows = 100_000; // Some 35 MB of JSON, more than all sockets on the way hold.
        await api.Database.ExecuteAsync(
            "TRUNCATE product CASCADE; INSERT INTO product (name, category, price) SELECT repeat('x', 255), 'Long', 1 FROM " +
            $"generate_series(1, {Rows})", Cancellation);

        using var response = await api.Client.GetAsync("/api/products", HttpCompletionOption.ResponseHeadersRead, Cancellation);
        await using var body = await response.Content.ReadAsStreamAsync(Cancellation);

        // Its client reads no further, so the API takes no more rows, so PostgreSQL waits to send them.
        await Wait.UntilAsync(() => api.Database.ScalarAsync<bool>(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = " +
            "'active' AND wait_event = 'ClientWrite')", Cancellation), "the query to wait", Cancellation);
        (await CountAsync(body, (byte)'{')).Should().Be(Rows);
    }

    [Fact]
    public async Task Orders_are_listed_with_their_items()
    {
        var order = await api.OrderAsync();
        var listed = (await api.GetAsync("/api/orders")).Json.EnumerateArray().Single(row => row.GetProperty("id").GetInt64() == order);
        listed.GetRawText().Should().Be((await api.GetAsync($"/api/orders/{order}")).Text);
        (await api.GetAsync($"/api/orders?limit=1&after={order - 1}")).Json[0].GetRawText().Should().Be(listed.GetRawText());
    }

    private static async Task<int> CountAsync(Stream stream, byte wanted)
    {
        var (buffer, count) = (new byte[64 * 1024], 0);
        while (await stream.ReadAsync(buffer, Cancellation) is > 0 and var read) count += buffer.AsSpan(0, read).Count(wanted);
        return count;
    }

    private static long[] Ids(Answer answer) => [.. answer.Json.EnumerateArray().Select(row => row.GetProperty("id").GetInt64())];
}
