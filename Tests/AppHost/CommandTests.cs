using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using AspireCdc.AppHost.Commands;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.AppHost;

/// <summary>What the dashboard offers beside start, stop and restart.</summary>
[Collection(SharedStack.Collection)]
public sealed class CommandTests(SharedStack stack)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_paused_processor_goes_on_when_it_is_resumed()
    {
        var app = await stack.StartedAsync(Cancel);

        (await ExecuteAsync(app, "cdc-processor", ProcessorCommands.Pause)).Should().Contain("paused");
        await PhaseAsync(app, "Paused");
        var id = await PostCustomerAsync(app);
        (await CountAsync(app, $"customer_dim WHERE customer_id = {id}")).Should().Be(0);

        await ExecuteAsync(app, "cdc-processor", ProcessorCommands.Resume);
        await Wait.ForAsync(
            () => CountAsync(app, $"customer_dim WHERE customer_id = {id}"), found => found == 1, "the customer in ClickHouse", Cancel);
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_table_that_was_spoilt_is_repaired_by_a_resync()
    {
        var app = await stack.StartedAsync(Cancel);
        var id = await PostCustomerAsync(app);
        await Wait.ForAsync(
            () => CountAsync(app, $"customer_dim WHERE customer_id = {id}"), found => found == 1, "the customer in ClickHouse", Cancel);
        await QueryAsync(app, $"ALTER TABLE customer_dim DELETE WHERE customer_id = {id} SETTINGS mutations_sync = 1");
        (await CountAsync(app, $"customer_dim WHERE customer_id = {id}")).Should().Be(0);

        await ExecuteAsync(app, "cdc-processor", ProcessorCommands.Resync, Arguments(ProcessorCommands.Table, "customer"));

        await Wait.ForAsync(
            () => CountAsync(app, $"customer_dim WHERE customer_id = {id}"), found => found == 1, "the customer again", Cancel);
    }

    [Theory(Timeout = SharedStack.Deadline)]
    [InlineData("invoice")]
    [InlineData("")]
    public async Task A_resync_takes_the_tables_that_are_replicated(string table)
    {
        var app = await stack.StartedAsync(Cancel);

        var result = await app.ResourceCommands.ExecuteCommandAsync(
            "cdc-processor", ProcessorCommands.Resync, Arguments(ProcessorCommands.Table, table), Cancel);

        result.Success.Should().BeFalse();
        // Which argument it is, and why, Aspire tells the dashboard's dialog only.
        result.Message.Should().Be("Command argument validation failed.");
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task Load_arrives_in_ClickHouse_and_a_reset_empties_both_databases()
    {
        var app = await stack.StartedAsync(Cancel);
        var (orders, items) = (await RowsAsync(app, "\"order\""), await RowsAsync(app, "orderitem"));

        var told = await ExecuteAsync(app, "api", ApiCommands.GenerateLoad, Arguments(ApiCommands.Seconds, "5"));

        orders = await RowsAsync(app, "\"order\"") - orders;
        items = await RowsAsync(app, "orderitem") - items;
        var said = Regex.Match(told, @"^(\d+) orders with (\d+) items, \d+ changes and (\d+) cancellations in 5 s\.$");
        said.Success.Should().BeTrue(told);
        var numbers = said.Groups.Values.Skip(1).Select(group => int.Parse(group.Value, CultureInfo.InvariantCulture)).ToList();
        orders.Should().BePositive().And.Be(numbers[0] - numbers[2]);
        items.Should().BePositive().And.BeLessThanOrEqualTo(numbers[1]);
        var all = await RowsAsync(app, "orderitem");
        await Wait.ForAsync(() => CountAsync(app, "orderitem_fact"), found => found == all, $"{all} items in ClickHouse", Cancel);

        (await ExecuteAsync(app, "api", ApiCommands.ResetData)).Should().Be("The shop is empty.");

        (await RowsAsync(app, "customer")).Should().Be(0);
        await Wait.ForAsync(() => CountAsync(app, "orderitem_fact"), found => found == 0, "an empty star", Cancel);
        await Wait.ForAsync(() => CountAsync(app, "customer_dim"), found => found == 0, "an empty dimension", Cancel);
        var id = await PostCustomerAsync(app);
        await Wait.ForAsync(
            () => CountAsync(app, $"customer_dim WHERE customer_id = {id}"), found => found == 1, "the first customer afterwards", Cancel);
    }

    [Theory(Timeout = SharedStack.Deadline)]
    [InlineData("0")]
    [InlineData("301")]
    [InlineData("long")]
    public async Task Load_lasts_some_seconds_and_no_longer_than_minutes(string seconds)
    {
        var app = await stack.StartedAsync(Cancel);

        var result = await app.ResourceCommands.ExecuteCommandAsync(
            "api", ApiCommands.GenerateLoad, Arguments(ApiCommands.Seconds, seconds), Cancel);

        result.Success.Should().BeFalse();
    }

    [Theory(Timeout = SharedStack.Deadline)]
    [InlineData("postgres", "SELECT 1.50 AS price, 'a|b' AS name, NULL AS city",
        "| price | name | city |\n| --- | --- | --- |\n| 1.50 | a\\|b | *NULL* |")]
    [InlineData("postgres", "CREATE TEMP TABLE t (id int); INSERT INTO t VALUES (1), (2)", "2 rows")]
    [InlineData("clickhouse", "SELECT 1 AS one, 'x' AS text", "| one | text |\n|-:|:-|\n| 1 | x |")]
    public async Task A_statement_is_answered_with_a_table_that_opens_at_once(string server, string sql, string table)
    {
        var app = await stack.StartedAsync(Cancel);

        var result = await app.ResourceCommands.ExecuteCommandAsync(server, SqlCommands.Sql, Arguments(SqlCommands.Statement, sql), Cancel);

        result.Success.Should().BeTrue(result.Message);
        result.Data!.Value.ReplaceLineEndings("\n").Trim().Should().Be(table);
        result.Data.Format.Should().Be(CommandResultFormat.Markdown);
        result.Data.DisplayImmediately.Should().BeTrue();
    }

    [Theory(Timeout = SharedStack.Deadline)]
    [InlineData("postgres", "SELEC 1", "PostgreSQL: 42601: syntax error at or near \"SELEC\"*")]
    [InlineData("clickhouse", "SELECT nothing", "ClickHouse: Code: 47.*")]
    public async Task A_failing_statement_is_answered_in_the_servers_words(string server, string sql, string words)
    {
        var app = await stack.StartedAsync(Cancel);

        var result = await app.ResourceCommands.ExecuteCommandAsync(server, SqlCommands.Sql, Arguments(SqlCommands.Statement, sql), Cancel);

        result.Success.Should().BeFalse();
        result.Message.Should().Match(words);
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_service_that_is_stopped_offers_no_command_that_it_could_not_carry_out()
    {
        var app = await stack.StartedAsync(Cancel);
        var command = app.Services.GetRequiredService<DistributedApplicationModel>().Resources.Single(resource =>
            resource.Name == "api").Annotations.OfType<ResourceCommandAnnotation>()
                .Single(command => command.Name == ApiCommands.GenerateLoad);
        ResourceCommandState State() =>
            command.UpdateState(new() { ResourceSnapshot = SharedStack.Snapshot(app, "api"), Services = app.Services });
        State().Should().Be(ResourceCommandState.Enabled);

        await app.ResourceCommands.ExecuteCommandAsync("api", KnownResourceCommands.StopCommand, Cancel);
        try
        {
            State().Should().Be(ResourceCommandState.Disabled);
        }
        finally
        {
            await app.ResourceCommands.ExecuteCommandAsync("api", KnownResourceCommands.StartCommand, Cancel);
            await app.ResourceNotifications.WaitForResourceHealthyAsync("api", Cancel);
        }
    }

    private static async Task<string> ExecuteAsync(
        DistributedApplication app, string resource, string command, InteractionInputCollection? arguments = null)
    {
        var result = await app.ResourceCommands.ExecuteCommandAsync(resource, command, arguments ?? new([]), Cancel);
        result.Success.Should().BeTrue(result.Message);
        return result.Message!;
    }

    private static InteractionInputCollection Arguments(string name, string value) =>
        new([new() { Name = name, InputType = InputType.Text, Value = value }]);

    private static async Task PhaseAsync(DistributedApplication app, string phase)
    {
        using var processor = app.CreateHttpClient("cdc-processor");
        processor.DefaultRequestHeaders.Authorization = new("Bearer", SharedStack.OperationsToken);
        await Wait.ForAsync(
            async () => (await processor.GetFromJsonAsync<JsonElement>("/operations/status", Cancel)).GetProperty("phase").GetString(),
            found => found == phase, $"the phase {phase}", Cancel);
    }

    private static async Task<long> PostCustomerAsync(DistributedApplication app)
    {
        using var api = app.CreateHttpClient("api");
        using var response = await api.PostAsJsonAsync(
            "/api/customers", new { email = $"{Guid.NewGuid():N}@example.com", name = "Ada", country = "UK", city = "London" }, Cancel);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("id").GetInt64();
    }

    private static async Task<long> RowsAsync(DistributedApplication app, string table)
    {
        await using var postgres = new NpgsqlConnection(await app.GetConnectionStringAsync("shop", Cancel) + ";Pooling=false");
        await postgres.OpenAsync(Cancel);
        await using var command = new NpgsqlCommand($"SELECT count(*) FROM {table}", postgres);
        return (long)(await command.ExecuteScalarAsync(Cancel))!;
    }

    private static async Task<long> CountAsync(DistributedApplication app, string rows) =>
        long.Parse(await QueryAsync(app, $"SELECT count() FROM {rows}"), CultureInfo.InvariantCulture);

    private static async Task<string> QueryAsync(DistributedApplication app, string sql)
    {
        using var response = await SharedStack.AskClickHouseAsync(app, sql, Cancel);
        var answer = await response.Content.ReadAsStringAsync(Cancel);
        return response.IsSuccessStatusCode ? answer.TrimEnd() : throw new InvalidOperationException(answer);
    }
}
