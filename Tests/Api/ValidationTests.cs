using System.Net;
using System.Text;
using System.Text.Json;
using AspireCdc.Api.Errors;
using AspireCdc.Api.Resources;
using AspireCdc.Shop;
using AwesomeAssertions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Validation;
using Xunit;

namespace AspireCdc.Tests.Api;

public sealed class ValidationTests(ApiServer api) : IClassFixture<ApiServer>
{
    private const string Customer = """{"email":"a@b.c","name":"A","country":"B","city":"C"}""";

    [Theory]
    [InlineData("customers", """{"email":"jane","name":null,"country":5,"city":""}""", "email,name,country,city")]
    [InlineData("customers", "{}", "email,name,country,city")]
    [InlineData("products", """{"name":"","category":true,"price":"1.999"}""", "name,category,price")]
    [InlineData("products", """{"name":"A","category":"B","price":0}""", "price")]
    [InlineData("products", """{"name":"A","category":"B","price":-1}""", "price")]
    [InlineData("products", """{"name":"A","category":"B","price":10000000000}""", "price")]
    [InlineData("products", """{"name":"A","category":"B","price":1e30}""", "price")]
    [InlineData("products", """{"name":"A","category":"B","price":"NaN"}""", "price")]
    [InlineData("products", """{"name":"A","category":"B","price":""}""", "price")]
    [InlineData("products", """{"name":"A\u0000","category":"\ud800","price":1}""", "name,category")]
    [InlineData("orders", """{"customerId":"x","total":0.001,"status":"","orderDate":"yesterday","items":{}}""",
        "customerId,total,status,orderDate,items")]
    [InlineData("orders", """{"customerId":1,"total":1,"orderDate":"1899-12-31T00:00:00Z"}""", "orderDate")]
    [InlineData("orders", """{"customerId":1,"total":1,"items":[{"productId":1,"quantity":0,"price":1},7,{"quantity":1.5}]}""",
        "items[0].quantity,items[1],items[2].productId,items[2].quantity,items[2].price")]
    [InlineData(
        "order-items", """{"orderId":9223372036854775808,"productId":null,"quantity":2147483648}""", "orderId,productId,quantity,price")]
    [InlineData("customers", "[]", "$")]
    [InlineData("customers", "null", "$")]
    public async Task Every_failing_field_is_named_at_once(string resource, string body, string fields)
    {
        var before = await api.ContentAsync();
        (await api.PostAsync($"/api/{resource}", body)).ShouldBeProblem(HttpStatusCode.UnprocessableEntity).Fields.Should()
            .BeEquivalentTo(fields.Split(','));
        (await api.ContentAsync()).Should().Be(before);
    }

    [Theory]
    [InlineData("load?writes=99999", "writes: must be an integer from 0 to 5000")]
    [InlineData("load?writes=-1", "writes: must be an integer from 0 to 5000")]
    [InlineData("load", "writes: must be an integer from 0 to 5000")]
    [InlineData("load/run?seconds=many", "seconds: must be an integer from 1 to 300")]
    public async Task The_live_pages_load_says_what_it_takes(string request, string detail) =>
        (await api.PostAsync($"/live/{request}", "")).ShouldBeProblem(HttpStatusCode.UnprocessableEntity)
            .Json.GetProperty("detail").GetString().Should().Be(detail);

    [Fact]
    public async Task What_is_wrong_is_said_in_one_voice()
    {
        var product = (await api.PostAsync("/api/products", """{"category":"","price":"1.999"}"""))
            .ShouldBeProblem(HttpStatusCode.UnprocessableEntity);
        product.Json.GetProperty("detail").GetString().Should()
            .Be("name: is required; category: must have 1 to 100 characters; price: must have at most two decimals");
        var order = (await api.PostAsync("/api/orders",
            """{"customerId":"x","total":0,"orderDate":"1899-12-31","status":null,"items":[{"productId":1,"quantity":-1,"price":10000000000}]}"""))
            .ShouldBeProblem(HttpStatusCode.UnprocessableEntity);
        order.Json.GetProperty("errors").EnumerateObject().ToDictionary(error => error.Name, error => error.Value[0].GetString()).Should()
            .BeEquivalentTo(new Dictionary<string, string>
            {
                ["customerId"] = "must be an integer of 64 bits",
                ["total"] = "must be greater than 0",
                ["orderDate"] = "must be from 1900-01-01 to 2299-12-31",
                ["status"] = "must not be null",
                ["items[0].quantity"] = "must be greater than 0",
                ["items[0].price"] = "must be at most 9999999999.99",
            });
    }

    [Theory]
    [InlineData("email", 256), InlineData("name", 256), InlineData("country", 101), InlineData("city", 101)]
    public async Task Lengths_end_where_the_columns_end(string field, int tooLong)
    {
        (await api.PostAsync("/api/customers", WithLength(tooLong))).ShouldBeProblem(HttpStatusCode.UnprocessableEntity).Fields.Should()
            .Equal(field);
        (await api.PostAsync("/api/customers", WithLength(tooLong - 1))).Created();

        string WithLength(int length) => Customer.Replace("a@b.c", $"{Guid.NewGuid():N}@b.c")
            .Replace($"\"{field}\":\"", $"\"{field}\":\"{new string('x', length - (field == "email" ? 36 : 1))}");
    }

    [Theory]
    [InlineData("customers", """{"city":null}""", "city")]
    [InlineData("orders", """{"items":null,"status":null,"orderDate":null,"total":null,"customerId":null}""",
        "items,status,orderDate,total,customerId")]
    [InlineData("products", """{"price":null,"name":"x"}""", "price")]
    public async Task Null_is_no_value_in_a_patch(string resource, string body, string fields)
    {
        var path =
            $"/api/{resource}/{(resource == "orders" ? await api.OrderAsync()
                : resource == "products" ? await api.ProductAsync() : await api.CustomerAsync())}";
        (await api.PatchAsync(path, body)).ShouldBeProblem(HttpStatusCode.UnprocessableEntity).Fields.Should()
            .BeEquivalentTo(fields.Split(','));
    }

    /// <summary>After a binding that failed, a handler may still run, and a validator that knows nothing of a type finds nothing wrong
    /// with it: neither must write.</summary>
    [Theory]
    [MemberData(nameof(WritingEndpoints))]
    public async Task No_writing_endpoint_writes_anything_of_a_bad_body(string method, string resource)
    {
        var order = await api.OrderAsync();
        var item = (await api.GetAsync($"/api/orders/{order}")).Json.GetProperty("items")[0].GetProperty("id").GetInt64();
        var id = resource
            switch
        { "customers" => await api.CustomerAsync(), "products" => await api.ProductAsync(), "orders" => order, _ => item };
        var path = method == "POST" ? $"/api/{resource}" : $"/api/{resource}/{id}";
        var before = await api.ContentAsync();

        foreach (var (body, contentType, expected) in BadBodies())
        {
            var why = $"{contentType} {body[..Math.Min(body.Length, 100)]}";
            (await SendAsync(path)).ShouldBeProblem(expected);
            var enveloped = await SendAsync("/envelope" + path);
            enveloped.Status.Should().Be(expected, why);
            enveloped.Json.GetProperty("error").GetProperty("message").GetString().Should().NotBeNullOrEmpty(why);
            (await api.ContentAsync()).Should().Be(before, why);

            Task<Answer> SendAsync(string to) => api.Client.AnswerAsync(
                HttpMethod.Parse(method), to,
                new ByteArrayContent(Encoding.Latin1.GetBytes(body)) { Headers = { { "Content-Type", contentType } } });
        }
    }

    public static IEnumerable<ITheoryDataRow> WritingEndpoints() =>
        new MatrixTheoryData<string, string>(["POST", "PUT", "PATCH"], ["customers", "products", "orders", "order-items"]);

    private static IEnumerable<(string Body, string ContentType, HttpStatusCode Expected)> BadBodies()
    {
        const string Json = "application/json";
        yield return ("{", Json, HttpStatusCode.BadRequest);
        yield return ("", Json, HttpStatusCode.BadRequest);
        yield return ("""{"name":"a","name":"b"}""", Json, HttpStatusCode.BadRequest);
        yield return ("""{"name":"a",}""", Json, HttpStatusCode.BadRequest);
        yield return (new string('[', 100) + new string(']', 100), Json, HttpStatusCode.BadRequest);
        yield return ("[{}]", Json, HttpStatusCode.UnprocessableEntity);
        yield return ("""{"email":"x","name":"","category":"","price":-1,"total":-1,"quantity":-1,"status":""}""", Json,
            HttpStatusCode.UnprocessableEntity);
        yield return ("""{"name":5,"price":{},"total":[],"quantity":"many"}""", Json, HttpStatusCode.UnprocessableEntity);
        yield return ("""{"name":"\u0000","price":"\u0000","total":"1\u0000","quantity":"\u0000"}""", Json,
            HttpStatusCode.UnprocessableEntity);
        // not UTF-8
        yield return ("{\"name\":\"\xff\",\"total\":\"\xff\",\"quantity\":\"\xff\"}", Json, HttpStatusCode.UnprocessableEntity);
        yield return ("""{"name":"x"}""", "text/plain", HttpStatusCode.UnsupportedMediaType);
        yield return ("name=x", "application/x-www-form-urlencoded", HttpStatusCode.UnsupportedMediaType);
        yield return ($$"""{"name":"{{new string('x', 2_000_000)}}"}""", Json, HttpStatusCode.RequestEntityTooLarge);
    }

    [Fact]
    public async Task Every_entity_is_known_to_the_validator()
    {
        await using var app = ApiServer.Create("Host=localhost", "unused");
        var validation = ((IServiceProvider)app.Services).GetService(typeof(IOptions<ValidationOptions>)) as IOptions<ValidationOptions>;
        foreach (var entity in typeof(Entity).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Entity))))
#pragma warning disable ASP0029 // The validator's own API is experimental in .NET 10.
            validation!.Value.TryGetValidatableTypeInfo(entity, out _).Should().BeTrue(entity.Name);
#pragma warning restore ASP0029
    }

    [Fact]
    public async Task An_entity_without_rules_takes_null_where_its_type_does()
    {
        await using var app = ApiServer.Create("Host=localhost", "unused");
        var binder = (EntityBinder)((IServiceProvider)app.Services).GetService(typeof(EntityBinder))!;
        using var json = JsonDocument.Parse("""{"bookId":7,"returnedAt":null,"note":null}""");
        var loan = await binder.CreateAsync<Loan>(new RequestBody([], json.RootElement));
        loan.Should().BeEquivalentTo(new { BookId = 7L, ReturnedAt = (DateTime?)null, Note = (string?)null });

        using var wrong = JsonDocument.Parse("""{"bookId":null}""");
        var refused = async () => await binder.CreateAsync<Loan>(new RequestBody([], wrong.RootElement));
        await refused.Should().ThrowAsync<ProblemException>();
    }

    /// <summary>Nothing of it needs validation.</summary>
#pragma warning disable ASP0029
    [ValidatableType]
#pragma warning restore ASP0029
    internal sealed class Loan : Entity
    {
        public required long BookId { get; set; }
        public DateTime? ReturnedAt { get; set; }
        public string? Note { get; set; }
    }
}
