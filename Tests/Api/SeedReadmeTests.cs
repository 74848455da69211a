using System.Diagnostics;
using System.Text.Json;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Api;

/// <summary>Every call of the README that this system takes after, word for word but for the port, through a real curl.</summary>
public sealed class SeedReadmeTests(ApiServer api) : IClassFixture<ApiServer>
{
    [Fact]
    public async Task Its_curls_work_verbatim()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/curl"), "This machine has no curl.");

        (await CurlAsync("curl http://localhost:3002/health")).GetRawText().Should().Be("""{"status":"ok"}""");

        var customer = await CurlAsync("""
            curl -X POST http://localhost:3002/api/customers \
              -H "Content-Type: application/json" \
              -d '{
                "email": "jane@example.com",
                "name": "Jane Doe",
                "country": "USA",
                "city": "San Francisco"
              }'
            """);
        ShouldHold(customer, """{"id": 1, "email": "jane@example.com", "name": "Jane Doe", "country": "USA", "city": "San Francisco"}""");

        var product = await CurlAsync("""
            curl -X POST http://localhost:3002/api/products \
              -H "Content-Type: application/json" \
              -d '{
                "name": "Wireless Mouse",
                "category": "Electronics",
                "price": "29.99"
              }'
            """);
        ShouldHold(product, """{"id": 1, "name": "Wireless Mouse", "category": "Electronics", "price": 29.99}""");

        var order = await CurlAsync("""
            curl -X POST http://localhost:3002/api/orders \
              -H "Content-Type: application/json" \
              -d '{
                "customerId": 1,
                "status": "pending",
                "total": "29.99"
              }'
            """);
        ShouldHold(order, """{"id": 1, "customerId": 1, "status": "pending", "total": 29.99}""");

        var moved = await CurlAsync("""
            curl -X PATCH http://localhost:3002/api/customers/1 \
              -H "Content-Type: application/json" \
              -d '{"city": "Los Angeles"}'
            """);
        ShouldHold(moved, """{"id": 1, "email": "jane@example.com", "name": "Jane Doe", "country": "USA", "city": "Los Angeles"}""");
    }

    [Fact]
    public async Task Its_pages_lead_to_the_api_description()
    {
        foreach (var page in (string[])["/docs", "/redoc", "/scalar"])
            (await api.GetAsync(page)).Text.Should().Contain("scalar.js", page);
        (await api.GetAsync("/scalar/")).Text.Should().NotContain("https://", "the page has to work without the internet");
        (await api.GetAsync("/scalar/scalar.js")).Text.Length.Should().BeGreaterThan(100_000);
    }

    private async Task<JsonElement> CurlAsync(string command)
    {
        var start = new ProcessStartInfo(
            "/bin/sh", ["-c", command.Replace("http://localhost:3002", api.Client.BaseAddress!.GetLeftPart(UriPartial.Authority))])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        process.ExitCode.Should().Be(0, await errors);
        return JsonElement.Parse(await output);
    }

    private static void ShouldHold(JsonElement answer, string expected)
    {
        foreach (var field in JsonElement.Parse(expected).EnumerateObject())
            answer.GetProperty(field.Name).GetRawText().Should().Be(field.Value.GetRawText());
    }
}
