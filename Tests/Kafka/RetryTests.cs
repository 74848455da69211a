using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Kafka;
using AspireCdc.CdcProcessor.Running;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace AspireCdc.Tests.Kafka;

/// <summary>Behind a topic, dead letters are applied again in the order of their partition, by the processor that has it.</summary>
public sealed class RetryTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Any_processor_can_be_asked_and_the_owners_of_the_partitions_do_it()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        var first = await behind.StartAsync(Cancel);
        var second = await behind.StartAsync(Cancel);
        await behind.Store.WaitForPhaseAsync(first, Phase.Streaming, Cancel);
        await behind.Store.WaitForPhaseAsync(second, Phase.Streaming, Cancel);
        for (var partition = 0; partition < KafkaBroker.Partitions; partition++)
            await BreakAsync(behind, partition + 1, partition);
        await MendAsync(behind, KafkaBroker.Partitions);

        using var http = new HttpClient { BaseAddress = new Uri(first.Urls.First()) };
        using var answer = await http.PostAsync("/operations/dead-letters/retry", null, Cancel);
        (await answer.Content.ReadAsStringAsync(Cancel)).Should()
            .StartWith($"{KafkaBroker.Partitions} dead letters will be applied again, each by the processor that has its partition");
        await behind.WaitForAsync(
            "SELECT product_id, source_partition, price FROM product_dim ORDER BY 1", "1\t0\t7\n2\t1\t7\n3\t2\t7\n4\t3\t7", Cancel);
        await behind.WaitForAsync("SELECT DISTINCT state, raw FROM cdc_dead_letter FINAL", "retried\t", Cancel);
    }

    [Fact]
    public async Task Named_letters_only_are_applied_again()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        var processor = await behind.StartAsync(Cancel);
        await BreakAsync(behind, 1, partition: 0);
        await BreakAsync(behind, 2, partition: 0);
        await MendAsync(behind, 2);
        var id = (await behind.Store.QueryAsync("SELECT DISTINCT id FROM cdc_dead_letter WHERE key = '2'", Cancel)).Trim();
        (await processor.Services.GetRequiredService<ProcessorControl>().RetryAsync([id], Cancel)).Should()
            .StartWith("1 dead letters will");
        await behind.WaitForAsync("SELECT groupArray(product_id) FROM product_dim", "[2]", Cancel);
        await behind.WaitForAsync("SELECT key, state FROM cdc_dead_letter FINAL ORDER BY key", "1\topen\n2\tretried", Cancel);
    }

    /// <summary>Applied beside the stream, a letter could land behind a TRUNCATE that had found nothing to clear under its key.</summary>
    [Theory]
    [InlineData(true, "retried")]
    [InlineData(false, "overtaken")]
    public async Task A_TRUNCATE_after_the_request_clears_what_it_brought_and_one_before_it_overtakes_it(bool requestFirst, string state)
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        var processor = await behind.StartAsync(Cancel);
        await BreakAsync(behind, 1, partition: 3);
        await MendAsync(behind, 1);
        await behind.Store.StopAsync(processor);

        // All of this waits in the partition, and is read at once.
        if (requestFirst)
            await RequestAsync(behind);
        await behind.Writer.SendAsync(null, Messages.Mark("product", "truncate"), partition: 3);
        if (!requestFirst)
            await RequestAsync(behind);
        await behind.Writer.SendAsync("product:2", Messages.Product(2, "last").Value, partition: 3);
        await behind.StartAsync(Cancel);

        await behind.WaitForAsync("SELECT groupArray(product_id) FROM product_dim", "[2]", Cancel);
        await behind.WaitForAsync("SELECT state FROM cdc_dead_letter FINAL", state, Cancel);
        // Whoever retried it has its tombstone above it: the late write of a processor that died over it brings nothing back.
        await behind.WaitForAsync(
            "SELECT count() FROM product_dim WHERE product_id = 1 AND is_deleted = 1 AND version = 3 SETTINGS final = 0", requestFirst
                ? "1"
                : "0", Cancel);
    }

    [Fact]
    public async Task A_request_that_comes_again_changes_nothing()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        var processor = await behind.StartAsync(Cancel);
        await BreakAsync(behind, 1, partition: 0);
        await MendAsync(behind, 1);
        await RequestAsync(behind);
        await behind.Writer.SendAsync("product:1", Messages.Product(1, "later", "update").Value, partition: 0);
        await behind.WaitForAsync("SELECT product_name FROM product_dim", "later", Cancel);
        await behind.Store.StopAsync(processor);

        // A crash before the offsets were committed: another group begins at the beginning, and finds the letter settled.
        await behind.Store.QueryAsync("TRUNCATE TABLE cdc_progress", Cancel);
        await behind.StartAsync(Cancel, "--Cdc:Group", behind.Topic + "_again");
        await behind.WaitForAsync("SELECT position FROM cdc_progress FINAL WHERE kind = 'position' AND name = '0'", "3", Cancel);
        (await behind.Store.QueryAsync("SELECT product_name, version FROM product_dim", Cancel)).Should().Be("later\t3\n");
        (await behind.Store.QueryAsync("SELECT state FROM cdc_dead_letter FINAL", Cancel)).Should().Be("retried\n");
    }

    private static async Task BreakAsync(Behind behind, long id, int partition)
    {
        var sent =
            await behind.Writer.SendAsync($"product:{id}", Messages.Product(id, "Saw").Value.Replace("\"1.50\"", "\"NaN\""), partition);
        // Once its offset is recorded, it does not come again.
        await behind.WaitForAsync($"SELECT position FROM cdc_progress FINAL WHERE kind = 'position' AND name = '{partition}'",
            $"{sent.Offset.Value + 1}", Cancel);
        await behind.WaitForAsync($"SELECT count() FROM cdc_dead_letter WHERE key = '{id}'", "1", Cancel);
    }

    /// <summary>Somebody mends the stored changes by hand.</summary>
    private static async Task MendAsync(Behind behind, int letters)
    {
        await behind.Store.QueryAsync(
            "INSERT INTO cdc_dead_letter SELECT * REPLACE (replaceAll(raw, 'NaN', '7.00') AS raw) " +
            "FROM cdc_dead_letter WHERE state = 'open'", Cancel);
        await behind.WaitForAsync("SELECT count() FROM cdc_dead_letter FINAL WHERE raw LIKE '%7.00%'", $"{letters}", Cancel);
    }

    /// <summary>As any processor would ask, while none runs.</summary>
    private async Task RequestAsync(Behind behind)
    {
        using var client = new ClickHouseClient(behind.Store.ClickHouse.ConnectionString);
        var requests = new RetryRequests(
            kafka.BootstrapServers, new KafkaOptions { Topic = behind.Topic }, new DeadLetterTable(client, TimeProvider.System));
        await requests.SendAsync([], Cancel);
    }
}
