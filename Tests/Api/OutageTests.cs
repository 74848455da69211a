using System.Net;
using System.Text;
using AspireCdc.Api.InitDb;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace AspireCdc.Tests.Api;

public sealed class OutageTests(PostgresServer postgres)
{
    private const string Customer = """{"email":"outage@example.com","name":"A","country":"B","city":"C"}""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task While_postgres_is_down_the_answer_is_503_and_afterwards_all_is_well_again()
    {
        await using var server = await PostgresServer.StartOwnAsync(Cancellation);
        await using var app = ApiServer.Create(server.ConnectionString, "outage");
        await using (var scope = app.Services.CreateAsyncScope())
            await scope.ServiceProvider.GetRequiredService<ShopDatabase>().InitializeAsync(Cancellation);
        using var client = await ApiServer.StartAsync(app);
        (await client.AnswerAsync(HttpMethod.Get, "/api/customers")).Status.Should().Be(HttpStatusCode.OK);

        for (var round = 0; round < 2; round++)
        {
            if (round == 0) await server.StopAsync();
            else await server.KillAsync();

            foreach (var (method, path) in ((HttpMethod, string)[])[(HttpMethod.Get, "/api/customers"),
                (HttpMethod.Get, "/api/customers/1"), (HttpMethod.Get, "/api/customers?limit=5"), (HttpMethod.Post, "/api/customers"),
                (HttpMethod.Patch, "/api/customers/1")])
            {
                var answer = await client.AnswerAsync(
                    method, path, method == HttpMethod.Get ? null : new StringContent(Customer, Encoding.UTF8, "application/json"));
                answer.ShouldBeProblem(HttpStatusCode.ServiceUnavailable);
                answer.Headers.RetryAfter!.Delta.Should().BePositive();
            }
            var enveloped = await client.AnswerAsync(HttpMethod.Get, "/envelope/api/customers");
            enveloped.Json.GetProperty("error").GetProperty("code").GetString().Should().Be("unavailable");
            var ready = await client.AnswerAsync(HttpMethod.Get, "/ready");
            ready.Status.Should().Be(HttpStatusCode.ServiceUnavailable);
            ready.Json.GetProperty("reasons").EnumerateObject().Should()
                .OnlyContain(reason => reason.Value.GetString()!.Contains("does not answer"));
            (await client.AnswerAsync(HttpMethod.Get, "/alive")).Status.Should().Be(HttpStatusCode.OK);

            await server.StartAsync(Cancellation);
            await Wait.UntilAsync(async () => (await client.AnswerAsync(HttpMethod.Get, "/ready")).Status == HttpStatusCode.OK,
                "the API to be ready again", Cancellation);
            (await client.AnswerAsync(HttpMethod.Get, "/api/customers")).Status.Should().Be(HttpStatusCode.OK);
        }
        (await client.AnswerAsync(HttpMethod.Post, "/api/customers", new StringContent(Customer, Encoding.UTF8, "application/json")))
            .Created();
    }

    [Fact]
    public async Task A_list_that_postgres_does_not_finish_is_cut_off_and_no_complete_answer()
    {
        await using var server = await PostgresServer.StartOwnAsync(Cancellation);
        await using var app = ApiServer.Create(server.ConnectionString, "cut");
        await using (var scope = app.Services.CreateAsyncScope())
            await scope.ServiceProvider.GetRequiredService<ShopDatabase>().InitializeAsync(Cancellation);
        using var client = await ApiServer.StartAsync(app);
        await new TestDatabase("shop", server.ConnectionString)
            .ExecuteAsync("INSERT INTO product (name, category, price) SELECT repeat('x', 255), 'Long', 1 FROM generate_series(1, 100000)",
                Cancellation);

        foreach (var path in (string[])["/api/products", "/envelope/api/products"])
        {
            using var answer = await client.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, Cancellation);
            await server.KillAsync();

            var reading = async () => await answer.Content.ReadAsStringAsync(Cancellation);
            await reading.Should().ThrowAsync<HttpRequestException>("half a list must not look like a whole one");
            await server.StartAsync(Cancellation);
            await Wait.UntilAsync(async () => (await client.AnswerAsync(HttpMethod.Get, "/ready")).Status == HttpStatusCode.OK,
                "the API to be ready again", Cancellation);
        }
    }

    [Fact]
    public async Task Without_tables_the_answer_names_init_db()
    {
        var database = await postgres.CreateDatabaseAsync(Cancellation);
        await using var app = ApiServer.Create(database.ConnectionString, database.Name);
        using var client = await ApiServer.StartAsync(app);

        foreach (var path in (string[])["/api/customers", "/api/orders/1"])
            (await client.AnswerAsync(HttpMethod.Get, path)).ShouldBeProblem(HttpStatusCode.ServiceUnavailable).Text.Should()
                .Contain("init-db");
        (await client.AnswerAsync(HttpMethod.Post, "/api/customers", new StringContent(Customer, Encoding.UTF8, "application/json")))
            .ShouldBeProblem(HttpStatusCode.ServiceUnavailable).Text.Should().Contain("init-db");
        var ready = await client.AnswerAsync(HttpMethod.Get, "/ready");
        ready.Status.Should().Be(HttpStatusCode.ServiceUnavailable);
        ready.Text.Should().Contain("init-db");

        await using (var scope = app.Services.CreateAsyncScope())
            await scope.ServiceProvider.GetRequiredService<ShopDatabase>().InitializeAsync(Cancellation);
        (await client.AnswerAsync(HttpMethod.Get, "/api/customers")).Text.Should().Be("[]");
        (await client.AnswerAsync(HttpMethod.Get, "/ready")).Status.Should().Be(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("Development", true), InlineData("Production", false)]
    public async Task Auto_init_db_makes_the_tables_in_development_only(string environment, bool made)
    {
        var database = await postgres.CreateDatabaseAsync(Cancellation);
        await using var app =
            ApiServer.Create(database.ConnectionString, database.Name, "--AUTO_INIT_DB=true", $"--environment={environment}");

        await AutoInitDb.RunAsync(app, Cancellation);

        (await database.ScalarAsync<bool>("SELECT to_regclass('customer') IS NOT NULL", Cancellation)).Should().Be(made);
    }

    [Fact]
    public async Task Auto_init_db_says_what_to_do_where_no_server_answers()
    {
        await using var app =
            ApiServer.Create($"Host=127.0.0.1;Port={FreePort.Next()};Username=x;Database=y", "nowhere", "--AUTO_INIT_DB=true");

        await FluentActions.Awaiting(() => AutoInitDb.RunAsync(app, Cancellation)).Should().ThrowAsync<InitDbException>()
            .WithMessage("AUTO_INIT_DB: Failed to connect to 127.0.0.1:*. Start PostgreSQL, or set ConnectionStrings__shop.");
    }
}
