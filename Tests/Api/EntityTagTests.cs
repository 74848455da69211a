using System.Net;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Api;

public sealed class EntityTagTests(ApiServer api) : IClassFixture<ApiServer>
{
    private static (string, string) IfMatch(string? tag) => ("If-Match", tag!);

    [Fact]
    public async Task Every_answer_with_a_row_has_the_tag_that_a_get_has()
    {
        var order = $"/api/orders/{await api.OrderAsync()}";
        var patched = await api.PatchAsync(order, """{"status":"paid"}""");
        patched.Tag.Should().NotBeNull().And.Be((await api.GetAsync(order)).Tag);
    }

    [Fact]
    public async Task A_lost_update_is_caught()
    {
        var path = $"/api/customers/{await api.CustomerAsync()}";
        var read = (await api.GetAsync(path)).Tag;
        (await api.PatchAsync(path, """{"city":"Oslo"}""", IfMatch(read))).Status.Should().Be(HttpStatusCode.OK);
        var before = await api.ContentAsync();

        (await api.PatchAsync(path, """{"city":"Rome"}""", IfMatch(read))).ShouldBeProblem(HttpStatusCode.PreconditionFailed);
        (await api.PutAsync(path, """{"email":"x@y.z","name":"A","country":"B","city":"C"}""", IfMatch(read)))
            .ShouldBeProblem(HttpStatusCode.PreconditionFailed);
        (await api.DeleteAsync(path, IfMatch(read))).ShouldBeProblem(HttpStatusCode.PreconditionFailed);

        (await api.ContentAsync()).Should().Be(before);
        (await api.DeleteAsync(path, IfMatch((await api.GetAsync(path)).Tag))).Status.Should().Be(HttpStatusCode.NoContent);
    }

    [Fact]
    public async Task Of_writers_at_the_same_time_one_wins()
    {
        var path = $"/api/customers/{await api.CustomerAsync()}";
        var read = (await api.GetAsync(path)).Tag;

        var answers =
            await Task.WhenAll(Enumerable.Range(0, 20).Select(n => api.PatchAsync(path, $$"""{"city":"City {{n}}"}""", IfMatch(read))));

        answers.Count(answer => answer.Status == HttpStatusCode.OK).Should().Be(1);
        answers.Count(answer => answer.Status == HttpStatusCode.PreconditionFailed).Should().Be(19);
    }

    [Fact]
    public async Task An_order_changes_with_its_items()
    {
        var order = (await api.GetAsync($"/api/orders/{await api.OrderAsync()}"));
        await api.PatchAsync($"/api/order-items/{order.Json.GetProperty("items")[0].GetProperty("id")}", """{"quantity":99}""");

        (await api.PatchAsync($"/api/orders/{order.Json.GetProperty("id")}", """{"status":"paid"}""", IfMatch(order.Tag)))
            .ShouldBeProblem(HttpStatusCode.PreconditionFailed);
    }

    [Fact]
    public async Task A_star_matches_any_row_and_a_weak_or_unknown_tag_none()
    {
        var path = $"/api/customers/{await api.CustomerAsync()}";
        var tag = (await api.GetAsync(path)).Tag;
        (await api.PatchAsync(path, "{}", IfMatch("*"))).Status.Should().Be(HttpStatusCode.OK);
        (await api.PatchAsync(path, "{}", IfMatch($"\"other\", {tag}"))).Status.Should().Be(HttpStatusCode.OK);
        (await api.PatchAsync(path, "{}", IfMatch($"W/{tag}"))).Status.Should().Be(HttpStatusCode.PreconditionFailed);
        (await api.PatchAsync(path, "{}", IfMatch("nonsense"))).Status.Should().Be(HttpStatusCode.PreconditionFailed);
        (await api.PatchAsync("/api/customers/987654321", "{}", IfMatch("*"))).Status.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task What_is_known_is_not_sent_again()
    {
        var path = $"/api/customers/{await api.CustomerAsync()}";
        var tag = (await api.GetAsync(path)).Tag!;

        var again = await api.GetAsync(path, ("If-None-Match", tag));

        again.Status.Should().Be(HttpStatusCode.NotModified);
        again.Text.Should().BeEmpty();
        again.Tag.Should().Be(tag);
        (await api.GetAsync(path, ("If-None-Match", "\"other\""))).Status.Should().Be(HttpStatusCode.OK);
    }
}
