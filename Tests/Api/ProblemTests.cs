using System.Net;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Api;

public sealed class ProblemTests(ApiServer api) : IClassFixture<ApiServer>
{
    [Theory]
    [InlineData("GET", "/api/customers/987654321", HttpStatusCode.NotFound)]
    [InlineData("GET", "/api/customers/abc", HttpStatusCode.NotFound)]
    [InlineData("GET", "/api/customers/0", HttpStatusCode.NotFound)]
    [InlineData("GET", "/api/customers/-1", HttpStatusCode.NotFound)]
    [InlineData("GET", "/api/customers/99999999999999999999", HttpStatusCode.NotFound)]
    [InlineData("GET", "/api/nothing", HttpStatusCode.NotFound)]
    [InlineData("GET", "/nothing", HttpStatusCode.NotFound)]
    [InlineData("DELETE", "/api/customers/abc", HttpStatusCode.NotFound)]
    [InlineData("DELETE", "/api/customers", HttpStatusCode.MethodNotAllowed)]
    [InlineData("POST", "/api/customers/1", HttpStatusCode.MethodNotAllowed)]
    [InlineData("GET", "/api/customers?limit=0", HttpStatusCode.UnprocessableEntity)]
    public async Task Errors_are_problems_whatever_the_client_accepts(string method, string path, HttpStatusCode status)
    {
        foreach (var accept in (string[])["*/*", "application/json", "text/html", "image/png"])
            (await api.Client.AnswerAsync(HttpMethod.Parse(method), path, null, ("Accept", accept))).ShouldBeProblem(status);
    }

    [Fact]
    public async Task An_unknown_id_is_not_found_for_every_verb_and_resource()
    {
        foreach (var resource in (string[])["customers", "products", "orders", "order-items"])
        {
            (await api.GetAsync($"/api/{resource}/987654321")).ShouldBeProblem(HttpStatusCode.NotFound);
            (await api.PutAsync($"/api/{resource}/987654321", "{}")).ShouldBeProblem(HttpStatusCode.NotFound);
            (await api.PatchAsync($"/api/{resource}/987654321", "{}")).ShouldBeProblem(HttpStatusCode.NotFound);
            (await api.DeleteAsync($"/api/{resource}/987654321")).ShouldBeProblem(HttpStatusCode.NotFound);
        }
    }

    [Theory]
    [InlineData("/health"), InlineData("/ready"), InlineData("/alive")]
    public async Task Health_answers_ok(string path)
    {
        var answer = await api.GetAsync(path);
        answer.Status.Should().Be(HttpStatusCode.OK);
        answer.Text.Should().Be("""{"status":"ok"}""");
    }
}
