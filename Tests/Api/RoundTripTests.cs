using System.Net;
using System.Text;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.Api;

/// <summary>What a request costs in PostgreSQL: that its position is told, and its trace written, adds no round trip.</summary>
public sealed class RoundTripTests(ApiServer api) : IClassFixture<ApiServer>
{
    [Theory]
    [InlineData("", false)]
    [InlineData(";No Reset On Close=false", true)]
    public async Task A_connection_is_cleared_between_requests_only_where_its_string_says_so(string setting, bool cleared)
    {
        var server = new NpgsqlConnectionStringBuilder(api.Database.ConnectionString);
        using var trips = new RoundTrips(server.Port);
        (server.Host, server.Port, server.SslMode) = ("127.0.0.1", trips.Port, SslMode.Disable);
        await using var app = ApiServer.Create(server.ConnectionString + setting, api.Database.Name);
        using var client = await ApiServer.StartAsync(app);
        var customer = await api.CustomerAsync();

        for (var i = 0; i < 8; i++)
            (await client.GetAsync($"/api/customers/{customer}", TestContext.Current.CancellationToken)).StatusCode.Should()
                .Be(HttpStatusCode.OK);

        (trips.Sent.Contains("RESET ALL") || trips.Sent.Contains("DISCARD ALL")).Should().Be(cleared);
    }

    [Fact]
    public async Task A_write_waits_for_the_server_no_more_often_than_its_statements_do()
    {
        var server = new NpgsqlConnectionStringBuilder(api.Database.ConnectionString);
        using var trips = new RoundTrips(server.Port);
        (server.Host, server.Port, server.SslMode) = ("127.0.0.1", trips.Port, SslMode.Disable);
        await using var app = ApiServer.Create(server.ConnectionString, api.Database.Name);
        using var client = await ApiServer.StartAsync(app);
        var product = await api.ProductAsync();
        var customer = await api.CustomerAsync();
        var row = $$"""{"email":"@","name":"Ada","country":"UK","city":"London"}""";
        var order = $$"""{"customerId":{{customer}},"total":1,"items":[{"productId":{{product}},"quantity":1,"price":1}]}""";

        // Statements are prepared once they have come several times.
        var posted = await CountAsync(HttpMethod.Post, "/api/customers", () =>
            row.Replace("@", $"{Guid.NewGuid():N}@x.org", StringComparison.Ordinal));
        var ordered = await CountAsync(HttpMethod.Post, "/api/orders", () => order);
        var patched = await CountAsync(HttpMethod.Patch, $"/api/customers/{customer}", () => $$"""{"city":"{{Guid.NewGuid():N}}"}""");

        posted.Should().Be(1, "INSERT and its commit's position go as one");
        ordered.Should().Be(3, "BEGIN goes with the order; its items need its id; COMMIT goes with its position");
        patched.Should().Be(4, "lock, read, write, commit");

        async Task<int> CountAsync(HttpMethod method, string path, Func<string> body)
        {
            var last = 0;
            for (var i = 0; i < 8; i++)
            {
                var before = trips.Count;
                var answer = await client.AnswerAsync(
                    method, path, new StringContent(body(), Encoding.UTF8, "application/json"),
                    ("traceparent", $"00-{Guid.NewGuid():N}-00f067aa0ba902b7-01"));
                answer.Status.Should().BeOneOf([HttpStatusCode.Created, HttpStatusCode.OK], answer.Text);
                answer.Headers.GetValues("X-Commit-Lsn").Should().ContainSingle();
                last = trips.Count - before;
            }
            return last;
        }
    }
}
