using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using AspireCdc.Api;
using AspireCdc.Api.InitDb;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace AspireCdc.Tests.Api;

/// <summary>The API, as it is, behind Kestrel on a free port, over a database of its own.</summary>
public sealed class ApiServer(PostgresServer postgres) : IAsyncLifetime
{
    private WebApplication? _app;

    internal TestDatabase Database { get; private set; } = null!;

    internal HttpClient Client { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Database = await postgres.CreateDatabaseAsync(TestContext.Current.CancellationToken);
        _app = Create(Database.ConnectionString, Database.Name);
        await using (var scope = _app.Services.CreateAsyncScope())
            await scope.ServiceProvider.GetRequiredService<ShopDatabase>().InitializeAsync(TestContext.Current.CancellationToken);
        Client = await StartAsync(_app);
    }

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        if (_app is not null) await _app.DisposeAsync();
    }

    /// <summary>The application over any database; the role has a name of its own, since roles belong to the whole server.</summary>
    internal static WebApplication Create(string connectionString, string name, params string[] more) =>
        Create(connectionString, name, more, null);

    internal static WebApplication Create(string connectionString, string name, string[] more, Action<IServiceCollection>? configure) =>
        ShopApi.Create([
        $"--ConnectionStrings:shop={connectionString}", $"--Cdc:Role=cdc_{name}", "--Cdc:Password=secret",
        $"--contentRoot={Path.Combine(Repository.Root, "Api")}", "--environment=Development", "--urls=http://127.0.0.1:0",
        "--hostBuilder:reloadConfigOnChange=false", "--Logging:LogLevel:Default=Warning", .. more], configure);

    internal static async Task<HttpClient> StartAsync(WebApplication app)
    {
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
    }

    internal Task<Answer> GetAsync(string path, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Get, path, null, headers);

    internal Task<Answer> PostAsync(string path, string json, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Post, path, json, headers);

    internal Task<Answer> PutAsync(string path, string json, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Put, path, json, headers);

    internal Task<Answer> PatchAsync(string path, string json, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Patch, path, json, headers);

    internal Task<Answer> DeleteAsync(string path, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Delete, path, null, headers);

    internal Task<Answer> SendAsync(HttpMethod method, string path, string? json, params (string Name, string Value)[] headers) =>
        Client.AnswerAsync(method, path, json is null ? null : new StringContent(json, Encoding.UTF8, "application/json"), headers);

    /// <summary>A new customer's id.</summary>
    internal async Task<long> CustomerAsync() =>
        (await PostAsync("/api/customers",
            $$"""{"email":"{{Guid.NewGuid():N}}@example.com","name":"Jane Doe","country":"USA","city":"San Francisco"}""")).Created();

    /// <summary>A new product's id.</summary>
    internal async Task<long> ProductAsync() =>
        (await PostAsync("/api/products", """{"name":"Wireless Mouse","category":"Electronics","price":"29.99"}""")).Created();

    /// <summary>A new order's id, with two items of one product.</summary>
    internal async Task<long> OrderAsync()
    {
        var product = await ProductAsync();
        return (await PostAsync("/api/orders", $$"""
            {"customerId":{{await CustomerAsync()}},"total":59.98,"items":[{"productId":{{product}},"quantity":1,"price":29.99},{"productId":{{product}},"quantity":2,"price":15}]}
            """)).Created();
    }

    /// <summary>Every row of every table, as text: equal if and only if nothing has changed.</summary>
    internal async Task<string> ContentAsync() => await Database.ScalarAsync<string>("""
        SELECT concat_ws(E'\n', (SELECT string_agg(t::text, ',' ORDER BY id) FROM customer t), (SELECT string_agg(t::text, ',' ORDER BY id)
            FROM product t),
            (SELECT string_agg(t::text, ',' ORDER BY id) FROM "order" t), (SELECT string_agg(t::text, ',' ORDER BY id) FROM orderitem t),
            (SELECT string_agg(key, ',' ORDER BY key) FROM idempotency_key))
        """, TestContext.Current.CancellationToken) ?? "";
}

/// <summary>A response, read whole.</summary>
internal sealed record Answer(HttpStatusCode Status, string Text, string? ContentType, HttpResponseHeaders Headers)
{
    public JsonElement Json => JsonElement.Parse(Text);

    public string? Tag => Headers.ETag?.ToString();

    /// <summary>The names of the fields with errors.</summary>
    public IEnumerable<string> Fields => Json.GetProperty("errors").EnumerateObject().Select(error => error.Name);

    public long Created()
    {
        Status.Should().Be(HttpStatusCode.Created, Text);
        return Json.GetProperty("id").GetInt64();
    }

    /// <summary>An error in the standard form that gives nothing of the inside away.</summary>
    public Answer ShouldBeProblem(HttpStatusCode status)
    {
        Status.Should().Be(status, Text);
        ContentType.Should().Be("application/problem+json");
        Json.GetProperty("status").GetInt32().Should().Be((int)status);
        Json.GetProperty("title").GetString().Should().NotBeNullOrEmpty();
        Text.Should().NotContain("   at ").And.NotContainEquivalentOf("npgsql").And.NotContain("INSERT INTO").And.NotContain("SELECT ");
        return this;
    }
}

internal static class HttpClientExtensions
{
    public static async Task<Answer> AnswerAsync(
        this HttpClient client, HttpMethod method, string path, HttpContent? content = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        // As curl does: a server that refuses a body need not take it.
        request.Headers.ExpectContinue = content?.Headers.ContentLength > 1_000_000;
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        return new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            response.Content.Headers.ContentType?.MediaType, response.Headers);
    }
}
