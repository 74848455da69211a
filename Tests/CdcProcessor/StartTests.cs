using AspireCdc.CdcProcessor;
using AspireCdc.CdcProcessor.Operations;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>What the processor says at start, and what the command line asks of it.</summary>
public sealed class StartTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Without_tables_it_waits_and_says_for_what()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync("ALTER TABLE orderitem RENAME TO other; ALTER TABLE product RENAME TO thing", Cancel);
        var processor = await shop.StartAsync(Cancel);

        await WaitForReasonAsync(
            processor,
            $"Database '{shop.Postgres.Name}' has no table \"public.product\", \"public.orderitem\" yet: waiting for 'Api init-db' " +
            "to make them.");

        await shop.ExecuteAsync("ALTER TABLE other RENAME TO orderitem; ALTER TABLE thing RENAME TO product", Cancel);
        await shop.WaitForPhaseAsync(processor, Phase.Streaming, Cancel);
    }

    [Fact]
    public async Task A_copy_that_was_asked_for_before_there_was_a_slot_is_part_of_the_first_one()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        await shop.ExecuteAsync("ALTER TABLE product RENAME TO thing", Cancel);
        var processor = await shop.StartAsync(Cancel);
        await shop.WaitForPhaseAsync(processor, Phase.Waiting, Cancel);
        using var http = new HttpClient { BaseAddress = new Uri(processor.Urls.First()) };
        (await http.PostAsync("/operations/resync?table=orderitem&table=customer", null, Cancel)).EnsureSuccessStatusCode();

        await shop.ExecuteAsync("ALTER TABLE thing RENAME TO product", Cancel);
        await shop.WaitForPhaseAsync(processor, Phase.Streaming, Cancel);
        await shop.WaitUntilCopiedAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, TimeSpan.FromMinutes(2));
        shop.Log.Lines.Should().NotContain(line => line.Contains("is gone"));
    }

    [Fact]
    public async Task All_that_is_wrong_with_postgresql_is_told_at_once()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var role = "reader_" + Guid.NewGuid().ToString("N")[..8];
        await shop.ExecuteAsync(
            $"""
            CREATE ROLE {role} LOGIN PASSWORD 'secret'; GRANT SELECT ON customer, product, "order" TO {role};
            ALTER PUBLICATION {Store.Publication} DROP TABLE product; ALTER PUBLICATION {Store.Publication} SET (publish = 'insert');
            ALTER TABLE orderitem DROP CONSTRAINT orderitem_pkey; ALTER TABLE orderitem ADD PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED
            """, Cancel);
        var processor = await shop.StartAsync(
            Cancel, "--ConnectionStrings:shop",
            new NpgsqlConnectionStringBuilder(shop.Postgres.ConnectionString) { Username = role, Password = "secret" }.ConnectionString);

        await WaitForReasonAsync(processor,
            $"role \"{role}\" lacks REPLICATION: ALTER ROLE \"{role}\" REPLICATION",
            $"role \"{role}\" lacks SELECT on orderitem: GRANT SELECT ON \"public\".\"orderitem\" TO \"{role}\"",
            "product is not in publication 'redpanda_cdc_publication': ALTER PUBLICATION \"redpanda_cdc_publication\" ADD TABLE " +
            "\"public\".\"product\"",
            "publication 'redpanda_cdc_publication' leaves operations out: ALTER PUBLICATION \"redpanda_cdc_publication\" SET (publish " +
            "= 'insert, update, delete, truncate')",
            "orderitem.(id) is the mapping's key and is deferrable: make its constraint NOT DEFERRABLE");
    }

    [Fact]
    public async Task All_that_is_wrong_with_clickhouse_is_told_at_once()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.QueryAsync("DROP TABLE product_dim", Cancel);
        await shop.QueryAsync("ALTER TABLE customer_dim MODIFY COLUMN city String", Cancel);
        await shop.QueryAsync("ALTER TABLE order_fact DROP COLUMN total", Cancel);
        var processor = await shop.StartAsync(Cancel);

        await WaitForReasonAsync(processor,
            "customer_dim.city is String, where the model has LowCardinality(String)", "table product_dim is missing",
            "order_fact.total is missing", "Run ClickHouseMigrator");
    }

    [Fact]
    public async Task A_definition_that_clickhouse_refuses_is_told_before_the_first_change()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var fact = shop.Model.Facts[^1];
        var columns = fact.Columns.Select(column => column.Name == "revenue" ? column with { Expression = "no_such_function(root.price)" }
            : column);
        await shop.MigrateToAsync(
            shop.Model with { Facts = [.. shop.Model.Facts.SkipLast(1), fact with { Columns = [.. columns] }] }, Cancel);
        var processor = await shop.StartAsync(Cancel);

        await WaitForReasonAsync(
            processor, "ClickHouse refuses the definition of orderitem_fact", "no_such_function", "correct the definition");
    }

    [Fact]
    public async Task A_role_with_replication_and_select_is_enough()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var role = "cdc_" + Guid.NewGuid().ToString("N")[..8];
        await shop.ExecuteAsync(
            $"CREATE ROLE {role} LOGIN REPLICATION PASSWORD 'p''w'; GRANT SELECT ON customer, product, \"order\", orderitem TO {role}",
            Cancel);
        await shop.ExecuteAsync("INSERT INTO customer (email, name, country, city) VALUES ('a', 'b', 'c', 'd')", Cancel);
        await shop.StartAsync(Cancel, "--ConnectionStrings:shop",
            new NpgsqlConnectionStringBuilder(shop.Postgres.ConnectionString) { Username = role, Password = "p'w" }.ConnectionString);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.WaitUntilCopiedAsync(Cancel);
    }

    [Fact]
    public void Options_are_validated_at_start()
    {
        using var app = new DisposableApp("--ConnectionStrings:shop", "Host=x", "--ConnectionStrings:clickhouse", "Host=x", "--Cdc:Slot",
            "Not a slot", "--Cdc:CopyReaders", "0", "--Cdc:MaxLag", "0");

        var failure = FluentActions.Invoking(() => app.App.Services.GetRequiredService<IOptions<CdcOptions>>().Value).Should()
            .Throw<OptionsValidationException>().Which;
        failure.Message.Should().Contain(
            "Cdc:Slot must be").And.Contain("Cdc:CopyReaders must be 1 to 32.").And.Contain("Cdc:MaxLag must be a time from 00:00:01");
    }

    [Fact]
    public async Task The_command_line_pauses_resumes_and_shows_the_status()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var processor = await shop.StartStreamingAsync(Cancel);
        var address = processor.Urls.First();

        (await RunAsync("pause", "--address", address)).Should().StartWith("0 The pipeline is paused");
        await shop.WaitForPhaseAsync(processor, Phase.Paused, Cancel);
        await shop.ExecuteAsync("INSERT INTO customer (email, name, country, city) VALUES ('a', 'b', 'c', 'd')", Cancel);
        (await RunAsync("status", "--address", address)).Should()
            .StartWith("0 Paused: The pipeline is paused: 'CdcProcessor resume' lets it go on.");

        // It outlives the process.
        await shop.StopAsync(processor);
        processor = await shop.StartAsync(Cancel);
        address = processor.Urls.First();
        await shop.WaitForPhaseAsync(processor, Phase.Paused, Cancel);
        (await shop.QueryAsync("SELECT count() FROM customer_dim", Cancel)).Should().Be("0\n");

        (await RunAsync("resume", "--address", address)).Should().StartWith("0 The pipeline goes on.");
        await shop.AssertStarEqualsJoinAsync(Cancel);
        // A batch is visible a moment before its end counts as applied.
        var told = await Wait.ForAsync(
            () => RunAsync("status", "--address", address), text => text.Contains("applied up to"), "the applied position", Cancel);
        told.Should()
            .StartWith("0 Streaming").And.Contain("customer             → customer_dim             copy:").And.Contain("dead letters 0");
        (await RunAsync("dead-letters", "list", "--address", address)).Should().StartWith("0 No dead letters.");
        (await RunAsync("resync", "nonsense", "--address", address)).Should().StartWith("1 There is no table 'nonsense' in the mapping");
        (await RunAsync("nonsense")).Should().StartWith("2 'nonsense' is no command of CdcProcessor.");
        (await RunAsync("status", "--address", $"http://127.0.0.1:{FreePort.Next()}")).Should().StartWith("1 No processor answers at");
    }

    private static async Task<string> RunAsync(params string[] args)
    {
        var text = new StringWriter();
        return $"{await Verbs.RunAsync(args, text, text, Cancel)} {text}";
    }

    private static async Task WaitForReasonAsync(WebApplication processor, params string[] parts)
    {
        var status = processor.Services.GetRequiredService<ProcessorStatus>();
        await Wait.ForAsync(() => Task.FromResult((status.Phase, status.Reason)), now => now.Phase == Phase.Waiting
            && parts.All(now.Reason.Contains), string.Join("; ", parts), Cancel);
    }

    private sealed class DisposableApp(params string[] args) : IDisposable
    {
        public WebApplication App { get; } = CdcProcessorApp.Create(args);

        public void Dispose() => ((IDisposable)App).Dispose();
    }
}
