using System.Net;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Api;

public sealed class ResourceTests(ApiServer api) : IClassFixture<ApiServer>
{
    [Fact]
    public async Task HEAD_answers_as_GET_does_without_the_body()
    {
        var path = $"/api/customers/{await api.CustomerAsync()}";
        foreach (var (asked, status) in ((string, HttpStatusCode)[])[(path, HttpStatusCode.OK), ("/api/customers", HttpStatusCode.OK),
            ("/api/customers/987654321", HttpStatusCode.NotFound)])
        {
            var head = await api.SendAsync(HttpMethod.Head, asked, null);
            head.Status.Should().Be(status);
            head.Text.Should().BeEmpty();
            head.Tag.Should().Be((await api.GetAsync(asked)).Tag);
        }
    }

    [Fact]
    public async Task A_new_row_is_returned_with_its_location_and_found_there()
    {
        var created = await api.PostAsync("/api/products", """{"name":"Mouse","category":"Electronics","price":"29.99"}""");

        created.Status.Should().Be(HttpStatusCode.Created);
        var path = created.Headers.Location!.ToString();
        path.Should().Be($"/api/products/{created.Json.GetProperty("id")}");
        (await api.GetAsync(path)).Text.Should().Be(created.Text);
    }

    [Fact]
    public async Task Money_is_read_as_a_number_or_a_string_and_written_as_a_number()
    {
        foreach (var price in (string[])["29.9", "\"29.9\"", "29.900", "2.99e1"])
        {
            var created = await api.PostAsync("/api/products", $$"""{"name":"Mouse","category":"Electronics","price":{{price}}}""");
            created.Json.GetProperty("price").GetRawText().Should().Be("29.90", price);
            (await api.GetAsync(created.Headers.Location!.ToString())).Text.Should().Be(created.Text);
        }
    }

    [Fact]
    public async Task Put_replaces_patch_changes_only_what_it_holds_and_delete_removes()
    {
        var path = $"/api/customers/{await api.CustomerAsync()}";

        var patched = await api.PatchAsync(path, """{"city":"Los Angeles"}""");
        patched.Status.Should().Be(HttpStatusCode.OK);
        patched.Json.GetProperty("city").GetString().Should().Be("Los Angeles");
        patched.Json.GetProperty("name").GetString().Should().Be("Jane Doe");

        var replaced = await api.PutAsync(path, """{"email":"put@example.com","name":"A","country":"B","city":"C"}""");
        replaced.Json.GetProperty("email").GetString().Should().Be("put@example.com");
        (await api.GetAsync(path)).Text.Should().Be(replaced.Text);

        var deleted = await api.DeleteAsync(path);
        deleted.Status.Should().Be(HttpStatusCode.NoContent);
        deleted.Text.Should().BeEmpty();
        (await api.GetAsync(path)).ShouldBeProblem(HttpStatusCode.NotFound);
        (await api.DeleteAsync(path)).ShouldBeProblem(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Put_needs_every_required_field()
    {
        var path = $"/api/customers/{await api.CustomerAsync()}";
        (await api.PutAsync(path, """{"city":"C"}""")).ShouldBeProblem(HttpStatusCode.UnprocessableEntity).Fields.Should()
            .BeEquivalentTo("email", "name", "country");
    }

    [Fact]
    public async Task Id_and_createdAt_in_a_body_are_ignored()
    {
        var id = await api.CustomerAsync();
        var before = await api.GetAsync($"/api/customers/{id}");

        var after = await api.PatchAsync($"/api/customers/{id}", """{"id":999999,"createdAt":"2001-01-01T00:00:00Z","nonsense":[1]}""");

        after.Text.Should().Be(before.Text);
    }

    [Fact]
    public async Task A_taken_email_is_a_conflict_that_names_the_field()
    {
        const string Jane = """{"email":"taken@example.com","name":"A","country":"B","city":"C"}""";
        (await api.PostAsync("/api/customers", Jane)).Created();
        var other = await api.CustomerAsync();

        (await api.PostAsync("/api/customers", Jane)).ShouldBeProblem(HttpStatusCode.Conflict).Fields.Should().Equal("email");
        (await api.PatchAsync($"/api/customers/{other}", """{"email":"taken@example.com"}"""))
            .ShouldBeProblem(HttpStatusCode.Conflict).Fields.Should().Equal("email");
    }

    [Fact]
    public async Task Deleting_a_customer_deletes_the_orders_and_their_items()
    {
        var order = (await api.GetAsync($"/api/orders/{await api.OrderAsync()}")).Json;

        (await api.DeleteAsync($"/api/customers/{order.GetProperty("customerId")}")).Status.Should().Be(HttpStatusCode.NoContent);

        (await api.GetAsync($"/api/orders/{order.GetProperty("id")}")).Status.Should().Be(HttpStatusCode.NotFound);
        (await api.GetAsync($"/api/order-items/{order.GetProperty("items")[0].GetProperty("id")}")).Status.Should()
            .Be(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_product_in_use_cannot_be_deleted()
    {
        var order = (await api.GetAsync($"/api/orders/{await api.OrderAsync()}")).Json;
        var product = order.GetProperty("items")[0].GetProperty("productId");

        (await api.DeleteAsync($"/api/products/{product}")).ShouldBeProblem(HttpStatusCode.Conflict);

        (await api.GetAsync($"/api/products/{product}")).Status.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Writes_say_the_position_at_which_they_are_visible()
    {
        var lsn = (await api.PostAsync("/api/products", """{"name":"Mouse","category":"Electronics","price":1}""")).Headers.GetValues(
            "X-Commit-Lsn").Single();
        (await api.Database.ScalarAsync<bool>(
            $"SELECT pg_current_wal_flush_lsn() >= '{lsn}'::pg_lsn", TestContext.Current.CancellationToken)).Should().BeTrue();

        var next = (await api.PostAsync("/api/products", """{"name":"Mouse","category":"Electronics","price":1}""")).Headers.GetValues(
            "X-Commit-Lsn").Single();
        (await api.Database.ScalarAsync<bool>($"SELECT '{next}'::pg_lsn > '{lsn}'::pg_lsn", TestContext.Current.CancellationToken))
            .Should().BeTrue();
    }
}
