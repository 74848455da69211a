using System.Net;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Api;

public sealed class OrderTests(ApiServer api) : IClassFixture<ApiServer>
{
    [Fact]
    public async Task An_order_brings_its_items_in_one_transaction_and_is_returned_with_them()
    {
        var order = (await api.GetAsync($"/api/orders/{await api.OrderAsync()}")).Json;

        order.GetProperty("status").GetString().Should().Be("pending");
        order.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("price").GetRawText()).Should().Equal("29.99", "15.00");
        order.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("orderId").GetInt64()).Should()
            .AllBeEquivalentTo(order.GetProperty("id").GetInt64());
    }

    [Fact]
    public async Task An_item_that_fails_takes_the_order_with_it_and_is_named()
    {
        var (customer, product, before) = (await api.CustomerAsync(), await api.ProductAsync(), await api.ContentAsync());

        var answer = await api.PostAsync("/api/orders", $$"""
            {"customerId":{{customer}},"total":1,"items":[{"productId":{{product}},"quantity":1,"price":1},{"productId":987654321,"quantity":1,"price":1}]}
            """);

        answer.ShouldBeProblem(HttpStatusCode.UnprocessableEntity).Fields.Should().Equal("items[1].productId");
        (await api.ContentAsync()).Should().Be(before);
    }

    [Fact]
    public async Task Missing_rows_are_named_by_field()
    {
        (await api.PostAsync("/api/orders", """{"customerId":987654321,"total":1}"""))
            .ShouldBeProblem(HttpStatusCode.UnprocessableEntity).Fields.Should().Equal("customerId");
        var order = await api.OrderAsync();
        (await api.PutAsync($"/api/orders/{order}", """{"customerId":987654321,"total":1}"""))
            .ShouldBeProblem(HttpStatusCode.UnprocessableEntity).Fields.Should().Equal("customerId");
        (await api.PostAsync("/api/order-items", $$"""{"orderId":{{order}},"productId":987654321,"quantity":1,"price":1}"""))
            .ShouldBeProblem(HttpStatusCode.UnprocessableEntity).Fields.Should().Equal("productId");
        (await api.PostAsync("/api/order-items", """{"orderId":987654321,"productId":1,"quantity":1,"price":1}"""))
            .ShouldBeProblem(HttpStatusCode.UnprocessableEntity).Fields.Should().Contain("orderId");
    }

    [Fact]
    public async Task Put_keeps_what_it_does_not_hold()
    {
        var order = await api.OrderAsync();
        var before =
            (await api.PatchAsync($"/api/orders/{order}", """{"status":"shipped","orderDate":"2026-01-31T12:00:00.123456Z"}""")).Json;

        var after =
            (await api.PutAsync($"/api/orders/{order}", $$"""{"customerId":{{before.GetProperty("customerId")}},"total":"10.5"}""")).Json;

        after.GetProperty("total").GetRawText().Should().Be("10.50");
        after.GetProperty("status").GetString().Should().Be("shipped");
        after.GetProperty("orderDate").GetString().Should().Be("2026-01-31T12:00:00.123456Z");
        after.GetProperty("items").GetRawText().Should().Be(before.GetProperty("items").GetRawText());
    }

    [Fact]
    public async Task Items_in_a_put_or_patch_replace_the_present_ones()
    {
        var order = await api.OrderAsync();
        var product = await api.ProductAsync();

        var patched =
            (await api.PatchAsync($"/api/orders/{order}", $$"""{"items":[{"productId":{{product}},"quantity":7,"price":"1.5"}]}""")).Json;
        patched.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("quantity").GetInt32()).Should().Equal(7);
        (await api.GetAsync($"/api/orders/{order}")).Json.GetProperty("items").GetRawText().Should()
            .Be(patched.GetProperty("items").GetRawText());

        (await api.PatchAsync($"/api/orders/{order}", """{"items":[]}""")).Json.GetProperty("items").GetArrayLength().Should().Be(0);
        (await api.Database.ScalarAsync<long>(
            $"SELECT count(*) FROM orderitem WHERE order_id = {order}", TestContext.Current.CancellationToken)).Should().Be(0);
    }

    [Fact]
    public async Task The_total_is_stored_as_sent()
    {
        var order = await api.OrderAsync();
        (await api.PatchAsync($"/api/orders/{order}", """{"total":0.01}""")).Json.GetProperty("total").GetRawText().Should().Be("0.01");
    }

    [Theory]
    [InlineData("2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00Z")]
    [InlineData("2026-01-31T12:00:00", "2026-01-31T12:00:00Z")]
    [InlineData("2026-01-31T12:00:00.1234567Z", "2026-01-31T12:00:00.123456Z")]
    public async Task Times_are_kept_in_utc_to_the_microsecond(string sent, string stored)
    {
        var order = await api.OrderAsync();
        var answer = await api.PatchAsync($"/api/orders/{order}", $$"""{"orderDate":"{{sent}}"}""");
        answer.Json.GetProperty("orderDate").GetString().Should().Be(stored);
        (await api.GetAsync($"/api/orders/{order}")).Text.Should().Be(answer.Text);
    }

    [Fact]
    public async Task Order_items_stand_by_themselves_too()
    {
        var order = await api.OrderAsync();
        var product = await api.ProductAsync();
        var item = (await api.PostAsync(
            "/api/order-items", $$"""{"orderId":{{order}},"productId":{{product}},"quantity":3,"price":"9.99"}""")).Created();

        (await api.GetAsync($"/api/orders/{order}")).Json.GetProperty("items").GetArrayLength().Should().Be(3);
        (await api.PatchAsync($"/api/order-items/{item}", """{"quantity":4}""")).Json.GetProperty("quantity").GetInt32().Should().Be(4);
        (await api.PutAsync($"/api/order-items/{item}",
            $$"""{"orderId":{{order}},"productId":{{product}},"quantity":5,"price":1}""")).Status.Should().Be(HttpStatusCode.OK);
        (await api.DeleteAsync($"/api/order-items/{item}")).Status.Should().Be(HttpStatusCode.NoContent);
        (await api.GetAsync($"/api/orders/{order}")).Json.GetProperty("items").GetArrayLength().Should().Be(2);
    }
}
