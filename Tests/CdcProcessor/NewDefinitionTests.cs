using AspireCdc.AppHost.Embedded;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;
using AspireCdc.Tests.Fixtures;
using AspireCdc.Tests.Kafka;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>A model that has changed: what is new fills itself, beside the stream, whatever is killed
/// meanwhile; nobody has to ask for it.</summary>
public sealed class NewDefinitionTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_new_column_is_copied_and_a_fact_that_shows_it_takes_the_place_of_the_old_one()
    {
        await using var shop = await CopiedAsync(Without("customer", "city"));

        await shop.MigrateToAsync(Example.Store.Model, Cancel);
        var processor = await shop.StartStreamingAsync(Cancel);
        await shop.ExecuteAsync(
            "UPDATE customer SET city = 'Basel' WHERE id = 2; INSERT INTO \"order\" (customer_id, total) VALUES (2, 7)", Cancel);

        await FollowsAsync(shop, processor);
        (await shop.QueryAsync("SELECT DISTINCT city FROM order_fact ORDER BY city", Cancel)).Should().Be("Basel\nBern\n");
        (await shop.QueryAsync("SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE '%__next'", Cancel))
            .Should().Be("0\n");
    }

    [Fact]
    public async Task A_new_fact_over_tables_that_are_copied_fills_itself()
    {
        await using var shop = await CopiedAsync(
            Example.Store with { Model = Example.Store.Model with { Facts = [Example.Store.Model.Facts[0]] } });

        await shop.MigrateToAsync(Example.Store.Model, Cancel);
        var processor = await shop.StartStreamingAsync(Cancel);

        await FollowsAsync(shop, processor);
        (await shop.QueryAsync("SELECT count() FROM orderitem_fact", Cancel)).Should().Be("20\n");
    }

    [Fact]
    public async Task A_fact_whose_expression_has_changed_shows_the_old_value_until_all_of_it_is_derived()
    {
        await using var shop = await CopiedAsync(Example.Store);

        await shop.MigrateToAsync(Doubled, Cancel);
        (await shop.QueryAsync("SELECT total FROM order_fact WHERE order_id = 3", Cancel)).Should().Be("3\n");
        var processor = await shop.StartStreamingAsync(Cancel);

        await Wait.UntilAsync(() => Task.FromResult(IsDone(processor)), $"order_fact to be derived; log:\n{shop.Log}", Cancel);
        (await shop.QueryAsync("SELECT total FROM order_fact WHERE order_id = 3", Cancel)).Should().Be("6\n");
        await shop.ExecuteAsync("UPDATE \"order\" SET total = 5 WHERE id = 3", Cancel);
        await Wait.ForAsync(() => shop.QueryAsync("SELECT total FROM order_fact WHERE order_id = 3", Cancel), total => total == "10\n",
            "the change", Cancel);
    }

    [Fact]
    public async Task What_is_new_is_filled_though_the_processor_is_killed_again_and_again()
    {
        var random = new Random();
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel, Without("customer", "city"));
        await shop.ExecuteAsync(
            """
            INSERT INTO customer (email, name, country, city) SELECT 'c' || i || '@x.org', 'Customer ' || i, 'CH', 'City ' || i % 7
                FROM generate_series(1, 5000) i;
            INSERT INTO product (name, category, price) VALUES ('Product', 'Tools', 1.99);
            INSERT INTO "order" (customer_id, total) SELECT 1 + i % 5000, i FROM generate_series(1, 20000) i;
            INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT 1 + i % 20000, 1, i, 2.50 FROM generate_series(1, 40000) i;
            """, Cancel);
        var processor = await shop.StartCopiedAsync(Cancel);
        await shop.StopAsync(processor);

        await shop.MigrateToAsync(Example.Store.Model, Cancel);
        for (var kill = 0; kill < 3; kill++)
        {
            await using var killed = GuardedProcess.Start(
                ["dotnet", Repository.ProgramOf("CdcProcessor"), .. shop.Arguments], new Dictionary<string, string>(), line =>
                    shop.Log.Add(line));
            await Oracle.WaitForStreamAsync(shop, () => killed.Exited.IsCompleted, Cancel);
            await shop.ExecuteAsync($"UPDATE customer SET city = 'Kill {kill}' WHERE id % 11 = {kill}", Cancel);
            await Task.Delay(random.Next(0, 700), Cancel);
            await killed.KillAsync();
            Oracle.RecordKill(shop, kill);
        }

        processor = await shop.StartAsync(Cancel);
        await FollowsAsync(shop, processor);
    }

    [Fact]
    public async Task Behind_kafka_the_connector_copies_what_is_new_and_a_processor_derives_it()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel, Without("customer", "city"));
        var topic = kafka.Arguments(kafka.NewTopic(create: false));
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        var connector = await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. topic]);
        var processor = await shop.StartAsync(Cancel, ["--source", "kafka", .. topic]);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.StopAsync(processor);
        await shop.StopAsync(connector);

        await shop.MigrateToAsync(Example.Store.Model, Cancel);
        await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. topic]);
        processor = await shop.StartAsync(Cancel, ["--source", "kafka", .. topic]);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Basel' WHERE id = 2", Cancel);

        await FollowsAsync(shop, processor);
    }

    /// <summary>One is about to put the new table in place while another has done so, and has not cleared up yet.</summary>
    [Fact]
    public async Task Behind_kafka_two_processors_may_put_a_changed_fact_in_place_at_once()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var source = await ChangeBehindKafkaAsync(shop);
        await using var puts = await ClickHouseGate.StartAsync(shop.ClickHouse);
        puts.Hold("CLONE AS `order_fact__next`");
        await using var clears = await ClickHouseGate.StartAsync(shop.ClickHouse);
        clears.Hold("DROP TABLE IF EXISTS `order_fact__next`");

        await StartThroughAsync(puts);
        await puts.Held.WaitAsync(TimeSpan.FromMinutes(2), Cancel);
        var processor = await StartThroughAsync(clears);
        await clears.Held.WaitAsync(TimeSpan.FromMinutes(2), Cancel);
        puts.Open();
        await Wait.ForAsync(
            () => shop.QueryAsync("EXISTS TABLE order_fact__next", Cancel), there => there == "0\n",
            $"it to be cleared up; log:\n{shop.Log}", Cancel, TimeSpan.FromMinutes(2));
        clears.Open();

        await FollowsAsync(shop, processor);

        Task<WebApplication> StartThroughAsync(ClickHouseGate gate) => shop.StartAsync(
            Cancel, [.. source, "--ConnectionStrings:clickhouse", gate.ConnectionStringOf(shop.ClickHouse)]);
    }

    /// <summary>Another that still fills the table beside would put it in the fact's place once more.</summary>
    [Fact]
    public async Task Behind_kafka_the_table_beside_a_fact_is_gone_before_that_counts_though_its_processor_ended_in_between()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var source = await ChangeBehindKafkaAsync(shop);
        await using var clears = await ClickHouseGate.StartAsync(shop.ClickHouse);
        clears.Hold("DROP TABLE IF EXISTS `order_fact__next`");
        var processor = await shop.StartAsync(
            Cancel, [.. source, "--ConnectionStrings:clickhouse", clears.ConnectionStringOf(shop.ClickHouse)]);
        await clears.Held.WaitAsync(TimeSpan.FromMinutes(2), Cancel);
        await shop.StopAsync(processor);
        (await shop.QueryAsync("EXISTS TABLE order_fact__next", Cancel)).Should().Be("1\n");

        processor = await shop.StartAsync(Cancel, source);

        await FollowsAsync(shop, processor);
        (await shop.QueryAsync("EXISTS TABLE order_fact__next", Cancel)).Should().Be("0\n");
        (await shop.QueryAsync("SELECT total FROM order_fact WHERE order_id = 3", Cancel)).Should().Be("6\n");
    }

    /// <summary>The fact may have rested meanwhile, as it does behind Kafka; here what it would have missed is taken out of it.</summary>
    [Fact]
    public async Task A_definition_that_comes_back_before_another_was_whole_is_derived_anew()
    {
        await using var shop = await CopiedAsync(Example.Store);
        await shop.MigrateToAsync(Doubled, Cancel);
        await shop.MigrateToAsync(Example.Store.Model, Cancel);
        (await shop.QueryAsync("EXISTS TABLE order_fact__next", Cancel)).Should().Be("1\n");
        await shop.QueryAsync("TRUNCATE TABLE order_fact", Cancel);

        var processor = await shop.StartStreamingAsync(Cancel);

        await FollowsAsync(shop, processor);
        (await shop.QueryAsync("SELECT total FROM order_fact WHERE order_id = 3", Cancel)).Should().Be("3\n");
        (await shop.QueryAsync("EXISTS TABLE order_fact__next", Cancel)).Should().Be("0\n");
    }

    /// <summary>A few rows are copied, and shown; nothing runs any more.</summary>
    private async Task<Store> CopiedAsync(Example example)
    {
        var shop = await Store.CreateAsync(postgres, clickhouse, Cancel, example);
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        var processor = await shop.StartCopiedAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.StopAsync(processor);
        return shop;
    }

    /// <summary>All is copied behind Kafka, then <c>order_fact</c> gets another definition; gives a processor's arguments.</summary>
    private async Task<string[]> ChangeBehindKafkaAsync(Store shop)
    {
        var topic = kafka.Arguments(kafka.NewTopic(create: false));
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. topic]);
        string[] source = ["--source", "kafka", .. topic];
        var processor = await shop.StartAsync(Cancel, source);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.StopAsync(processor);
        await shop.MigrateToAsync(Doubled, Cancel);
        return source;
    }

    private static async Task FollowsAsync(Store shop, WebApplication processor)
    {
        await Wait.UntilAsync(
            () => Task.FromResult(IsDone(processor)), $"all facts to be derived; log:\n{shop.Log}", Cancel, TimeSpan.FromSeconds(120));
        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    private static bool IsDone(WebApplication processor) =>
        processor.Services.GetRequiredService<ProcessorStatus>().Phase == Phase.Streaming
        && processor.Services.GetRequiredService<FactProgress>().Facts is { Count: > 0 } facts && facts.Values.All(fact => fact.IsDone);

    /// <summary>The store's model before it had a column, in its table and in the facts that show it.</summary>
    private static Example Without(string table, string column)
    {
        var model = Example.Store.Model;
        return Example.Store with
        {
            Model = new StarModel(
                [.. model.Tables.Select(known =>
                    known.Source == table ? known with { Columns = [.. known.Columns.Where(mapped => mapped.Source != column)] } : known)],
                [.. model.Facts.Select(fact => fact with { Columns = [.. fact.Columns.Where(shown => shown.Name != column)] })]),
        };
    }

    /// <summary>The store's model with another total in <c>order_fact</c>.</summary>
    private static StarModel Doubled => Example.Store.Model with
    {
        Facts = [.. Example.Store.Model.Facts.Select(fact => fact with
        {
            Columns = [.. fact.Columns.Select(column => column.Name == "total"
                ? new FactColumn("total", ColumnType.Decimal(38, 2), "CAST(root.total, 'Decimal(38, 2)') * 2")
                : column)],
        })],
    };
}
