using System.Net;
using System.Text;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Api;

public sealed class IdempotencyTests(ApiServer api) : IClassFixture<ApiServer>
{
    private const string Mouse = """{"name":"Mouse","category":"Electronics","price":1}""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static (string, string) Key(string key) => ("Idempotency-Key", key);

    [Fact]
    public async Task A_repeated_request_gets_the_first_answer_even_when_the_row_has_changed()
    {
        var first = await api.PostAsync("/api/products", Mouse, Key("once"));
        first.Created();
        await api.PatchAsync(first.Headers.Location!.ToString(), """{"price":2}""");
        var before = await api.ContentAsync();

        var second = await api.PostAsync("/api/products", Mouse, Key("once"));

        second.Status.Should().Be(HttpStatusCode.Created);
        second.Text.Should().Be(first.Text);
        second.Tag.Should().Be(first.Tag);
        second.Headers.Location.Should().Be(first.Headers.Location);
        (await api.ContentAsync()).Should().Be(before);
    }

    [Fact]
    public async Task The_first_answer_outlives_a_restart()
    {
        var first = await api.PostAsync("/api/products", Mouse, Key("restart"));

        await using var restarted = ApiServer.Create(api.Database.ConnectionString, api.Database.Name);
        using var client = await ApiServer.StartAsync(restarted);
        var second = await client.AnswerAsync(
            HttpMethod.Post, "/api/products", new StringContent(Mouse, Encoding.UTF8, "application/json"), Key("restart"));

        second.Text.Should().Be(first.Text);
    }

    [Fact]
    public async Task A_key_that_comes_with_another_request_is_refused()
    {
        (await api.PostAsync("/api/products", Mouse, Key("another"))).Created();
        var before = await api.ContentAsync();

        (await api.PostAsync("/api/products", Mouse.Replace("Mouse", "Cat"), Key("another")))
            .ShouldBeProblem(HttpStatusCode.UnprocessableEntity);
        (await api.PostAsync("/api/customers", """{"email":"key@example.com","name":"A","country":"B","city":"C"}""", Key("another")))
            .ShouldBeProblem(HttpStatusCode.UnprocessableEntity);

        (await api.ContentAsync()).Should().Be(before);
    }

    [Fact]
    public async Task A_request_that_failed_may_be_repeated_with_its_key()
    {
        (await api.PostAsync("/api/products", "{}", Key("failed"))).Status.Should().Be(HttpStatusCode.UnprocessableEntity);
        (await api.PostAsync("/api/customers", """{"email":"failed@example.com","name":"A","country":"B","city":"C"}""", Key("failed")))
            .Created();
        (await api.PostAsync("/api/customers", """{"email":"failed@example.com","name":"A","country":"B","city":"C"}""",
            Key("failed-2"))).Status.Should().Be(HttpStatusCode.Conflict);
        (await api.PostAsync("/api/products", Mouse, Key("failed-2"))).Created();
    }

    [Fact]
    public async Task Requests_at_the_same_time_write_one_row()
    {
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(_ => api.PostAsync("/api/products", Mouse.Replace("Mouse", "Together"), Key("together"))));

        answers.Select(answer => answer.Text).Distinct().Should().ContainSingle();
        (await api.Database.ScalarAsync<long>("SELECT count(*) FROM product WHERE name = 'Together'", Cancellation)).Should().Be(1);
    }

    [Theory]
    [InlineData("")]
    [InlineData("long")]
    public async Task A_key_has_1_to_255_characters(string key) =>
        (await api.PostAsync("/api/products", Mouse, Key(key == "long" ? new string('x', 256) : key)))
            .ShouldBeProblem(HttpStatusCode.UnprocessableEntity);

    [Fact]
    public async Task Old_keys_are_forgotten()
    {
        await api.PostAsync("/api/products", Mouse, Key("old"));
        await api.Database.ExecuteAsync(
            "UPDATE idempotency_key SET created_at = now() - interval '8 days' WHERE key = 'old'", Cancellation);

        await api.PostAsync("/api/products", Mouse, Key("new"));

        (await api.Database.ScalarAsync<long>("SELECT count(*) FROM idempotency_key WHERE key = 'old'", Cancellation)).Should().Be(0);
    }
}
