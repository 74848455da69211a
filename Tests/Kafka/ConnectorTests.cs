using System.Text;
using System.Text.Json.Nodes;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.Kafka;
using AspireCdc.Star.Types;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace AspireCdc.Tests.Kafka;

/// <summary>PostgreSQL → Kafka: which messages leave, in which order, and what PostgreSQL is told of them.</summary>
public sealed class ConnectorTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_changed_key_leaves_as_a_delete_under_the_old_key_and_an_insert_under_the_new_one()
    {
        var topic = kafka.NewTopic(create: false);
        await using var sink = await TestSink.OpenAsync(kafka, topic, Cancel);
        using var batch = new ChangeBatch();
        TestSink.Add(batch, ChangeOperation.Update, commit: 100, TestSink.Customer(batch, 1), TestSink.Customer(batch, 2, "Bern"));
        // REPLICA IDENTITY FULL
        TestSink.Add(batch, ChangeOperation.Update, commit: 100, TestSink.Customer(batch, 3, "Chur"), TestSink.Customer(batch, 3, "Thun"));
        await sink.WriteAsync(batch, Cancel);

        var messages = TopicReader.Read(kafka, topic, Cancel).Where(message => message.Key is not null).ToList();
        messages.Select(message => (message.Key, message.Value)).Should().BeEquivalentTo(
        [
            ("customer:1", """{"metadata":{"table":"customer","operation":"delete","lsn":"0/64"},"payload":{"id":"1"}}"""),
            ("customer:2", """{"metadata":{"table":"customer","operation":"insert","lsn":"0/64"},"payload":{"id":"2","city":"Bern"}}"""),
            ("customer:3", """{"metadata":{"table":"customer","operation":"update","lsn":"0/64"},"payload":{"id":"3","city":"Thun"}}"""),
        ]);
        messages.Should().OnlyContain(message => message.Header("commit_ts_ms") == "1767323045678");
    }

    /// <summary>The slot is told late of what was sent, and nothing in the topic overwrites a row without a key.</summary>
    [Fact]
    public async Task A_row_without_a_key_is_sent_once_though_the_slot_goes_back_behind_it()
    {
        var topic = kafka.NewTopic(create: false);
        var visits = Relation.Of(Mapped.Table("visit", Mapped.Column("url", ColumnType.String)) with { AppendOnly = true });
        await using (var sink = await TestSink.OpenAsync(kafka, topic, Cancel))
        {
            using var first = Visits((100, "/a"), (200, "/b"));
            await sink.WriteAsync(first, Cancel);
        }
        await using var next = await TestSink.OpenAsync(kafka, topic, Cancel);
        using var again = Visits((100, "/a"), (200, "/b"), (300, "/c"));
        await next.WriteAsync(again, Cancel);

        TopicReader.Read(kafka, topic, Cancel).Where(message => message.Value!.Contains("\"visit\""))
            .Select(message => (string?)JsonNode.Parse(message.Value!)!["payload"]!["url"]).Should().BeEquivalentTo("/a", "/b", "/c");

        ChangeBatch Visits(params (ulong Commit, string Url)[] rows)
        {
            var batch = new ChangeBatch();
            foreach (var (commit, url) in rows)
            {
                var row = batch.AddRow(1);
                batch.SetText(row, 0, Encoding.UTF8.GetBytes(url));
                TestSink.Add(batch, ChangeOperation.Insert, commit, row: row, relation: visits);
            }
            return batch;
        }
    }

    /// <summary>ClickHouse holds 1.0 and 1.00 as one key; in two partitions its versions would not compare.</summary>
    [Fact]
    public async Task Rule_7_a_numeric_key_that_only_changes_its_scale_stays_one_key_in_one_partition()
    {
        var topic = kafka.NewTopic(create: false);
        var relation = Relation.Of(Mapped.Table("rate", Mapped.Key("id", ColumnType.Decimal(12, 2))));
        await using var sink = await TestSink.OpenAsync(kafka, topic, Cancel);
        using var batch = new ChangeBatch();
        foreach (var (old, id) in (ReadOnlySpan<(string, string)>)[("1.0", "1.00"), ("1.00", "1"), ("100", "100.50")])
            TestSink.Add(batch, ChangeOperation.Update, commit: 100, Row(old), Row(id), relation);
        await sink.WriteAsync(batch, Cancel);

        TopicReader.Read(kafka, topic, Cancel).Where(message => message.Key is not null)
            .Select(message => (message.Key, (string?)JsonNode.Parse(message.Value!)!["metadata"]!["operation"]))
            .Should().BeEquivalentTo([("rate:1", "update"), ("rate:1", "update"), ("rate:100", "delete"), ("rate:100.5", "insert")]);

        RowRef Row(string id)
        {
            var row = batch.AddRow(1);
            batch.SetText(row, 0, Encoding.UTF8.GetBytes(id));
            return row;
        }
    }

    [Fact]
    public async Task A_copy_leaves_as_read_messages_without_an_lsn_between_two_marks_in_every_partition()
    {
        var topic = kafka.NewTopic(create: false);
        await using var sink = await TestSink.OpenAsync(kafka, topic, Cancel);
        using var copy = TestSink.Copy(point: 500, [.. Enumerable.Range(1, 40).Select(id => ((long)id, "Bern"))]);
        await sink.WriteAsync(copy, Cancel);

        var messages = TopicReader.Read(kafka, topic, Cancel);
        messages.Where(message => message.Key is not null).Should().HaveCount(40).And.OnlyContain(message =>
            message.Value == $$$"""{"metadata":{"table":"customer","operation":"read"},"payload":{"id":"{{{message.Key!.Split(':', 2)[1]}}}","city":"Bern"}}""" && message.Header("commit_ts_ms") == null);
        foreach (var partition in messages.GroupBy(message => message.Partition))
        {
            partition.First().IsMark("copy-begin").Should().BeTrue();
            partition.Last().IsMark("copy-end").Should().BeTrue();
            partition.Should().HaveCountGreaterThan(2, "40 keys reach every partition");
        }
        messages.Select(message => message.Partition).Distinct().Should().HaveCount(KafkaBroker.Partitions);
    }

    [Fact]
    public async Task After_each_batch_every_partition_hears_how_far_the_commits_go_and_the_processors_know_it()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        await using var sink = await TestSink.OpenAsync(kafka, behind.Topic, Cancel);
        foreach (var commit in (ulong[])[100, 200])
        {
            using var batch = TestSink.Updates(commit, (1, "Bern"));
            batch.EndAt(new SourcePosition(-1, commit + 8));
            await sink.WriteAsync(batch, Cancel);
        }
        // A quiet stretch of the WAL; what was announced already is not announced again.
        await sink.MakeDurableAsync([new SourcePosition(-1, 300)], Cancel);
        await sink.MakeDurableAsync([new SourcePosition(-1, 300)], Cancel);

        foreach (var partition in TopicReader.Read(kafka, behind.Topic, Cancel).Where(message => message.IsMark("progress"))
            .GroupBy(message => message.Partition))
            partition.Select(message => (string?)JsonNode.Parse(message.Value!)!["metadata"]!["lsn"]).Should()
                .Equal("0/6C", "0/D0", "0/12C");
        var processor = await behind.StartAsync(Cancel);
        await Wait.ForAsync(
            () => Task.FromResult(string.Join(' ', processor.Services.GetRequiredService<ProcessorStatus>().Applied.OrderBy(position =>
                position.Partition).Select(position => $"{position.Partition}:{position.CommitLsn}"))),
            applied => applied == "0:300 1:300 2:300 3:300", "the processor to know of the commits in every partition", Cancel,
            TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task A_keys_messages_stand_in_one_partition_in_the_order_of_their_commits()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var topic = kafka.NewTopic(create: false);
        await shop.ExecuteAsync("INSERT INTO product (name, category, price) SELECT '0', 'Tools', 1 FROM generate_series(1, 10) i", Cancel);
        await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. kafka.Arguments(topic), "--Cdc:BatchChanges", "7"]);
        // Transactions of one statement, of many, and rolled back ones between.
        for (var round = 1; round <= 30; round++)
        {
            await shop.ExecuteAsync($"UPDATE product SET name = '{(2 * round) - 1}'", Cancel);
            var updates = Enumerable.Range(1, 10).Select(id => $"UPDATE product SET name = '{2 * round}' WHERE id = {11 - id};");
            await shop.ExecuteAsync(
                $"BEGIN; UPDATE product SET name = 'never'; ROLLBACK; BEGIN; {string.Concat(updates)} COMMIT", Cancel);
        }

        var messages = await Wait.ForAsync(
            () => Task.FromResult(TopicReader.Read(kafka, topic, Cancel).Where(message => message.Key is not null).ToList()), messages =>
                messages.Count >= 610, "610 messages", Cancel, TimeSpan.FromSeconds(60));
        foreach (var key in messages.GroupBy(message => message.Key))
        {
            key.Select(message => message.Partition).Distinct().Should().ContainSingle();
            key.Select(message => (string?)JsonNode.Parse(message.Value!)!["payload"]!["name"]).Should()
                .Equal(Enumerable.Range(0, 61).Select(number => $"{number}"));
        }
    }

    [Fact]
    public async Task A_topic_that_would_forget_or_refuse_changes_is_named_with_its_setting()
    {
        Assert.SkipUnless(KafkaBroker.IsReal, "Only a real broker tells a topic's settings: KAFKA_BOOTSTRAP_SERVERS names one.");
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync("ALTER TABLE product ALTER COLUMN name TYPE text", Cancel);
        var compacted = kafka.NewTopic(settings: new() { ["cleanup.policy"] = "compact" });
        var connector = await shop.StartAsync(Cancel, ["--sink", "kafka", .. kafka.Arguments(compacted)]);
        await shop.WaitForPhaseAsync(connector, Phase.Waiting, Cancel);
        connector.Services.GetRequiredService<ProcessorStatus>().Reason.Should().Contain(compacted).And.Contain("cleanup.policy=compact");
        await shop.StopAsync(connector);

        var small = kafka.NewTopic(settings: new() { ["max.message.bytes"] = "1048588" });
        connector = await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. kafka.Arguments(small)]);
        await shop.ExecuteAsync("INSERT INTO product (name, category, price) VALUES (repeat('x', 4000000), 'Tools', 1)", Cancel);
        await shop.WaitForPhaseAsync(connector, Phase.Faulted, Cancel);
        connector.Services.GetRequiredService<ProcessorStatus>().Reason.Should()
            .Contain($"larger than 1048588 bytes, the largest message that max.message.bytes of topic '{small}' allows");
    }

    [Fact]
    public async Task The_slot_advances_only_once_the_topic_has_the_change()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var topic = kafka.NewTopic();
        await shop.ExecuteAsync("ALTER TABLE product ALTER COLUMN name TYPE text", Cancel);
        var connector =
            await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. kafka.Arguments(topic), "--Cdc:MaxMessageBytes", "1048576"]);
        await shop.ExecuteAsync("INSERT INTO product (name, category, price) VALUES ('small', 'Tools', 1)", Cancel);
        await ConfirmedAsync();

        // The broker would take it; this connector may not send it.
        await shop.ExecuteAsync("INSERT INTO product (name, category, price) VALUES (repeat('x', 2000000), 'Tools', 1)", Cancel);
        var commit = await shop.Postgres.ScalarAsync<string>("SELECT pg_current_wal_insert_lsn()::text", Cancel);
        await shop.WaitForPhaseAsync(connector, Phase.Faulted, Cancel);
        connector.Services.GetRequiredService<ProcessorStatus>().Reason.Should().Be(
            "A change is larger than 1048576 bytes, the largest message that Cdc:MaxMessageBytes allows. Raise it, and " +
            $"max.message.bytes of topic '{topic}'.");
        await shop.StopAsync(connector);
        (await shop.Postgres.ScalarAsync<bool>(
            $"SELECT confirmed_flush_lsn < '{commit}'::pg_lsn FROM pg_replication_slots WHERE slot_name = '{shop.Slot}'", Cancel))
                .Should().BeTrue();

        await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. kafka.Arguments(topic)]);
        await ConfirmedAsync();
        TopicReader.Read(kafka, topic, Cancel).Where(message => message.Key is not null)
            .Select(message => (message.Key, message.Value!.Length > 2_000_000)).Should().Equal(("product:1", false), ("product:2", true));

        async Task ConfirmedAsync()
        {
            var committed = await shop.Postgres.ScalarAsync<string>("SELECT pg_current_wal_insert_lsn()::text", Cancel);
            await Wait.UntilAsync(
                () => shop.Postgres.ScalarAsync<bool>(
                    $"SELECT confirmed_flush_lsn >= '{committed}'::pg_lsn FROM pg_replication_slots WHERE slot_name = '{shop.Slot}'",
                    Cancel),
                $"the slot to reach {committed}", Cancel, TimeSpan.FromSeconds(60));
        }
    }

    [Fact]
    public async Task A_processor_behind_the_topic_says_whose_work_a_resync_is()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        var processor = await behind.StartAsync(Cancel);
        await behind.Store.WaitForPhaseAsync(processor, Phase.Streaming, Cancel);
        using var http = new HttpClient { BaseAddress = new Uri(processor.Urls.First()) };
        using var answer = await http.PostAsync("/operations/resync?table=order", null, Cancel);
        answer.StatusCode.Should().Be(System.Net.HttpStatusCode.Conflict);
        (await answer.Content.ReadAsStringAsync(Cancel)).Should()
            .Be(KafkaChangeSource.ResyncIsTheConnectors).And.Contain("ask the connector").And.Contain("Redpanda Connect cannot do it");
    }
}
