using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.Kafka;
using AspireCdc.CdcProcessor.Running;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Confluent.Kafka;
using Xunit;

namespace AspireCdc.Tests.Kafka;

/// <summary>A change's trace goes with it: from the connector's batch through the topic to the processor's.</summary>
public sealed class TraceTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_changes_trace_and_commit_time_go_with_it_and_the_processors_batch_links_to_it()
    {
        var batches = new ConcurrentBag<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == CdcMetrics.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = batches.Add,
        };
        ActivitySource.AddActivityListener(listener);

        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var topic = kafka.NewTopic(create: false);
        await shop.ExecuteAsync(
            "INSERT INTO customer (email, name, country, city) SELECT 'c' || i || '@x.org', 'Customer ' || i, " +
            "'CH', 'Bern' FROM generate_series(1, 5) i", Cancel);
        await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. kafka.Arguments(topic)]);
        await shop.StartAsync(Cancel, ["--source", "kafka", .. kafka.Arguments(topic)]);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.ExecuteAsync(
            "UPDATE customer SET city = 'Thun'; DELETE FROM customer WHERE id = 3; UPDATE customer SET id = " +
            "10 WHERE id = 1; TRUNCATE customer CASCADE", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);

        // A partition that held no row of a table gets its TRUNCATE, too, whenever that is.
        var changes = await Wait.ForAsync(
            () => Task.FromResult(TopicReader.Read(kafka, topic, Cancel).Where(message => !message.IsMark("progress")).ToList()),
            found => found.Count >= 5 + 5 + 1 + 2 + (3 * KafkaBroker.Partitions), "all messages", Cancel);
        changes.Should().AllSatisfy(message =>
            message.Header("traceparent").Should().MatchRegex("^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01$", message.Value));

        // A copied row has no commit of its own.
        var committed = changes.Where(message => message.Value!.Contains("\"lsn\"") && !message.Value!.Contains("\"copy-")).ToList();
        committed.Should().HaveCount(5 + 1 + 2 + (3 * KafkaBroker.Partitions));
        committed.Should().AllSatisfy(message =>
            DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(message.Header("commit_ts_ms")!, CultureInfo.InvariantCulture))
            .Should().BeCloseTo(DateTimeOffset.UtcNow, TimeSpan.FromMinutes(5)));

        // The last batch may still be on its way out of its activity.
        var sent = changes.Select(message => message.Header("traceparent")!).Distinct().ToList();
        await Wait.ForAsync(
            () => Task.FromResult(batches.SelectMany(batch => batch.Links).Where(link => link.Context.IsRemote)
                .Select(link => $"00-{link.Context.TraceId}-{link.Context.SpanId}-01").ToHashSet()),
            linked => sent.All(linked.Contains), "the processor's batches to link to every batch of the connector", Cancel);
        batches.Select(batch => batch.Id).Should().Contain(sent);
    }

    [Fact]
    public void A_batch_links_to_the_first_traces_only_and_to_each_once()
    {
        var reader = new MessageReader(Store.Own, "topic");
        using var batch = new ChangeBatch();
        for (var i = 0; i < 200; i++)
            reader.Read(Message(i, $"00-{i / 2 + 1:x32}-00000000000000ab-01"), batch, out _);

        batch.Count.Should().Be(200);
        batch.Traces.Select(trace => trace.Origin.TraceId.ToHexString()).Should()
            .Equal(Enumerable.Range(1, 32).Select(i => i.ToString("x32", CultureInfo.InvariantCulture)));
        batch.Traces.Should().OnlyContain(trace => trace.Origin.IsRemote);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("")]
    [InlineData(null)]
    public void A_trace_that_cannot_be_read_is_no_reason_to_refuse_a_change(string? header)
    {
        var reader = new MessageReader(Store.Own, "topic");
        using var batch = new ChangeBatch();
        reader.Read(Message(0, header), batch, out _);
        batch.Count.Should().Be(1);
        batch.DeadLetters.Should().BeEmpty();
        batch.Traces.Should().BeEmpty();
    }

    private static ConsumeResult<byte[]?, byte[]?> Message(long offset, string? trace)
    {
        var (key, value) = Messages.Customer(1, "Bern");
        var headers = new Headers();
        if (trace is not null)
            headers.Add("traceparent", Encoding.ASCII.GetBytes(trace));
        return new()
        {
            TopicPartitionOffset = new TopicPartitionOffset("topic", 0, offset),
            Message = new() { Key = Encoding.UTF8.GetBytes(key), Value = Encoding.UTF8.GetBytes(value), Headers = headers },
        };
    }
}
