using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Api;

public sealed class OpenApiTests(ApiServer api) : IClassFixture<ApiServer>
{
    [Fact]
    public async Task The_document_in_the_repository_is_the_one_that_is_served()
    {
        var served = (await api.GetAsync("/openapi/v1.json")).Text;
        var kept =
            await File.ReadAllTextAsync(Path.Combine(Repository.Root, "Api", "openapi", "v1.json"), TestContext.Current.CancellationToken);
        served.Trim().Should().Be(kept.Trim(),
            "the API has changed: look at the difference, then run  curl -o Api/openapi/v1.json http://localhost:3002/openapi/v1.json");
    }

    [Fact]
    public async Task Every_operation_is_described_with_its_statuses_and_their_bodies()
    {
        var document = (await api.GetAsync("/openapi/v1.json")).Json;
        document.GetProperty("openapi").GetString().Should().StartWith("3.1");
        var operations = document.GetProperty("paths").EnumerateObject()
            .SelectMany(path =>
                path.Value.EnumerateObject().Select(operation => (Name: $"{operation.Name} {path.Name}", operation.Value))).ToArray();
        operations.Should().HaveCount((4 * 6) + 8);
        foreach (var (name, operation) in operations)
        {
            operation.GetProperty("summary").GetString().Should().NotBeNullOrEmpty(name);
            foreach (var response in operation.GetProperty("responses").EnumerateObject()
                .Where(response => response.Name is not ("204" or "304")))
                response.Value.GetProperty("content").EnumerateObject().Single().Value.TryGetProperty("schema", out _).Should()
                    .BeTrue($"{name} {response.Name}");
            if (operation.TryGetProperty("requestBody", out var body))
            {
                body.GetProperty("required").GetBoolean().Should().BeTrue(name);
                operation.GetProperty("responses").EnumerateObject().Select(response => response.Name).Should()
                    .Contain(["400", "409", "413", "415", "422", "503"], name);
            }
        }
        document.GetProperty("paths").EnumerateObject().Should().NotContain(path => path.Name.Contains("envelope"));
    }

    [Fact]
    public async Task The_reference_page_has_examples_of_this_server_in_csharp_first_and_no_bar_of_its_vendor()
    {
        var page = (await api.GetAsync("/scalar/")).Text;
        page.Should().Contain($"\"url\":\"{api.Client.BaseAddress!.GetLeftPart(UriPartial.Authority)}\"");
        page.Should().Contain("\"targetKey\":\"csharp\"").And.Contain("\"showDeveloperTools\":\"never\"").And.Contain(
            "\"hideClientButton\":true");
        var leads = await api.GetAsync("/openapi.json");
        leads.Json.GetProperty("openapi").GetString().Should().StartWith("3.1");
    }

    [Fact]
    public async Task Fields_carry_what_the_model_says()
    {
        var schemas = (await api.GetAsync("/openapi/v1.json")).Json.GetProperty("components").GetProperty("schemas");
        var email = schemas.GetProperty("Customer").GetProperty("properties").GetProperty("email");
        email.GetProperty("maxLength").GetInt32().Should().Be(255);
        email.GetProperty("examples")[0].GetString().Should().Be("jane@example.com");
        schemas.GetProperty("Customer").GetProperty("properties").GetProperty("id").GetProperty("readOnly").GetBoolean().Should().BeTrue();
        schemas.GetProperty("Product").GetProperty("properties").GetProperty("price").GetProperty("type").GetString().Should().Be("number");
        schemas.GetProperty("CustomerPatch").TryGetProperty("required", out _).Should().BeFalse();
        schemas.GetProperty("CustomerPatch").GetProperty("properties").EnumerateObject().Select(field => field.Name).Should()
            .BeEquivalentTo("email", "name", "country", "city");
    }
}
