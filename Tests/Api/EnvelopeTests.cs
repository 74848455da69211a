using System.Net;
using System.Text.Json;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Api;

/// <summary>The calls of the seed's React client, as a browser makes them: each with a preflight, since <c>Content-Type:
/// application/json</c> goes with every one.</summary>
public sealed class EnvelopeTests(ApiServer api) : IClassFixture<ApiServer>
{
    private const string Origin = "http://localhost:3001";

    [Fact]
    public async Task The_react_client_works()
    {
        var customer = Data(await BrowseAsync(HttpMethod.Post, "/customers",
            $$"""{"email":"react@example.com","name":"Jane","country":"USA","city":"Boston"}"""), HttpStatusCode.Created);
        var product = Data(await BrowseAsync(HttpMethod.Post, "/products", """{"name":"Mouse","category":"Electronics","price":29.99}"""),
            HttpStatusCode.Created);
        product.GetProperty("price").ValueKind.Should().Be(JsonValueKind.Number);

        var order = Data(await BrowseAsync(HttpMethod.Post, "/orders",
            $$"""{"customerId":{{customer.GetProperty("id")}},"status":"pending","total":89.97}"""), HttpStatusCode.Created);
        var id = order.GetProperty("id").GetInt64();
        for (var i = 0; i < 3; i++)
            Data(await BrowseAsync(HttpMethod.Post, "/order-items",
                $$"""{"orderId":{{id}},"productId":{{product.GetProperty("id")}},"quantity":1,"price":29.99}"""), HttpStatusCode.Created);

        Data(await BrowseAsync(
            HttpMethod.Put, $"/orders/{id}", $$"""{"customerId":{{customer.GetProperty("id")}},"status":"shipped","total":89.97}"""));
        var listed = Data(await BrowseAsync(HttpMethod.Get, "/orders")).EnumerateArray()
            .Single(row => row.GetProperty("id").GetInt64() == id);
        listed.GetProperty("status").GetString().Should().Be("shipped");
        listed.GetProperty("items").GetArrayLength().Should().Be(3);
        Data(await BrowseAsync(HttpMethod.Get, "/customers")).GetArrayLength().Should().BePositive();
        Data(await BrowseAsync(HttpMethod.Get, "/products")).EnumerateArray().Should()
            .OnlyContain(row => row.GetProperty("price").ValueKind == JsonValueKind.Number);

        var deleted = await BrowseAsync(HttpMethod.Delete, $"/orders/{id}");
        deleted.Status.Should().Be(HttpStatusCode.NoContent);
        deleted.Text.Should().BeEmpty();
    }

    [Theory]
    [InlineData("GET", "/customers/987654321", null, HttpStatusCode.NotFound, "not_found")]
    [InlineData("GET", "/nothing", null, HttpStatusCode.NotFound, "not_found")]
    [InlineData("GET", "/customers/abc", null, HttpStatusCode.NotFound, "not_found")]
    [InlineData("DELETE", "/customers", null, HttpStatusCode.MethodNotAllowed, "bad_request")]
    [InlineData("POST", "/customers", "{", HttpStatusCode.BadRequest, "bad_request")]
    [InlineData("POST", "/customers", """{"email":"x"}""", HttpStatusCode.UnprocessableEntity, "validation_failed")]
    [InlineData("POST", "/orders", """{"customerId":987654321,"total":1}""", HttpStatusCode.UnprocessableEntity, "validation_failed")]
    [InlineData(
        "POST", "/customers", """{"email":"twice@example.com","name":"A","country":"B","city":"C"}""", HttpStatusCode.Conflict, "conflict")]
    public async Task Every_error_has_the_envelope_and_cors_headers(
        string method, string path, string? body, HttpStatusCode status, string code)
    {
        await api.PostAsync("/api/customers", """{"email":"twice@example.com","name":"A","country":"B","city":"C"}""");

        var answer = await BrowseAsync(HttpMethod.Parse(method), path, body);

        answer.Status.Should().Be(status, answer.Text);
        answer.Json.GetProperty("success").GetBoolean().Should().BeFalse();
        answer.Json.GetProperty("error").GetProperty("code").GetString().Should().Be(code);
        answer.Json.GetProperty("error").GetProperty("message").GetString().Should().NotBeNullOrWhiteSpace();
    }

    [Fact]
    public async Task The_message_names_all_failing_fields()
    {
        var message = (await BrowseAsync(HttpMethod.Post, "/customers", """{"email":"x"}""")).Json.GetProperty("error")
            .GetProperty("message").GetString();
        message.Should().Be("name: is required; country: is required; city: is required; email: must be an email address");
    }

    [Fact]
    public async Task The_address_that_the_client_is_preset_to_works_too_and_nobody_elses_answers_change()
    {
        (await api.Client.AnswerAsync(HttpMethod.Get, "/api/customers", null, ("Origin", Origin))).Json.GetProperty("success").GetBoolean()
            .Should().BeTrue();
        (await api.Client.AnswerAsync(HttpMethod.Get, "/api/customers/987654321", null, ("Origin", Origin))).Json.GetProperty("error")
            .GetProperty("code").GetString().Should().Be("not_found");
        (await api.GetAsync("/api/customers")).Json.ValueKind.Should().Be(JsonValueKind.Array);
    }

    [Fact]
    public async Task Its_settings_find_the_health_and_every_success_has_a_message()
    {
        var health = await api.Client.AnswerAsync(HttpMethod.Get, "/envelope/health", null, ("Origin", Origin));
        health.Status.Should().Be(HttpStatusCode.OK);
        health.Text.Should().Be("""{"success":true,"data":{"status":"ok"},"message":"ok","status":"ok"}""");
        (await BrowseAsync(HttpMethod.Get, "/customers")).Json.GetProperty("message").GetString().Should().Be("ok");
        (await BrowseAsync(HttpMethod.Post, "/products", """{"name":"Mouse","category":"Electronics","price":1}""")).Json.GetProperty(
            "message").GetString().Should().Be("created");
    }

    [Fact]
    public async Task A_wrong_content_type_has_the_envelope_too()
    {
        var answer = await api.Client.AnswerAsync(HttpMethod.Post, "/envelope/api/customers", new StringContent("x"), ("Origin", Origin));
        answer.Status.Should().Be(HttpStatusCode.UnsupportedMediaType);
        answer.Json.GetProperty("error").GetProperty("code").GetString().Should().Be("bad_request");
        answer.Headers.GetValues("Access-Control-Allow-Origin").Should().Equal("http://localhost:3001");
    }

    [Fact]
    public async Task Scripts_may_read_the_headers_of_the_contract()
    {
        var answer = await api.Client.AnswerAsync(HttpMethod.Get, "/api/customers", null, ("Origin", Origin));
        answer.Headers.GetValues("Access-Control-Expose-Headers").SelectMany(names => names.Split(',')).Select(name => name.Trim())
            .Should().BeEquivalentTo("Location", "Link", "ETag", "Retry-After", "X-Commit-Lsn", "X-Applied-Lsn", "X-Applied-Age",
                "Server-Timing");
    }

    private async Task<Answer> BrowseAsync(HttpMethod method, string path, string? body = null)
    {
        var preflight = await api.Client.AnswerAsync(HttpMethod.Options, "/envelope/api" + path, null,
            ("Origin", Origin), ("Access-Control-Request-Method", method.Method), ("Access-Control-Request-Headers", "content-type"));
        preflight.Status.Should().Be(HttpStatusCode.NoContent, preflight.Text);
        preflight.Headers.GetValues("Access-Control-Allow-Origin").Single().Should().Be(Origin);
        preflight.Headers.GetValues("Access-Control-Allow-Headers").Single().Should().ContainEquivalentOf("content-type");
        if (method != HttpMethod.Post && method != HttpMethod.Get) // Those two no browser asks for.
            preflight.Headers.GetValues("Access-Control-Allow-Methods").Single().Should().Contain(method.Method);

        var content = new ByteArrayContent(
            body is null ? [] : System.Text.Encoding.UTF8.GetBytes(body))
        { Headers = { { "Content-Type", "application/json" } } };
        var answer = await api.Client.AnswerAsync(method, "/envelope/api" + path, content, ("Origin", Origin));
        answer.Headers.GetValues("Access-Control-Allow-Origin").Single().Should().Be(Origin);
        return answer;
    }

    private static JsonElement Data(Answer answer, HttpStatusCode status = HttpStatusCode.OK)
    {
        answer.Status.Should().Be(status, answer.Text);
        answer.Json.GetProperty("success").GetBoolean().Should().BeTrue();
        return answer.Json.GetProperty("data");
    }
}
