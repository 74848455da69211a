using System.Net;
using AspireCdc.Tests.Api;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Xunit;

namespace AspireCdc.Tests.Kafka;

/// <summary>A read that waits for a commit, where a topic is in between.</summary>
public sealed class ReadYourWritesTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Behind_our_connector_a_read_waits_until_every_partition_has_passed_the_commit()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var topic = kafka.NewTopic(create: false);
        await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. kafka.Arguments(topic)]);
        await shop.StartAsync(Cancel, ["--source", "kafka", .. kafka.Arguments(topic)]);
        await using var api = Api(shop);
        using var client = await ApiServer.StartAsync(api);

        for (var i = 1; i <= 5; i++)
        {
            await shop.ExecuteAsync(
                $"WITH c AS (INSERT INTO customer (email, name, country, city) VALUES ('{i}', '{i}', 'CH', 'Bern') RETURNING id) INSERT " +
                $"INTO \"order\" (customer_id, total) SELECT id, {i} FROM c", Cancel);
            var lsn = await shop.Postgres.ScalarAsync<string>("SELECT pg_current_wal_flush_lsn()::text", Cancel);

            // A slow machine may take more than the patience of one request, and before the first copy has ended nothing is announced.
            var read = await Wait.ForAsync(
                () => client.AnswerAsync(HttpMethod.Get, "/api/analytics/top-customers", null, ("X-Min-Lsn", lsn!)),
                answer => answer.Status is not (HttpStatusCode.GatewayTimeout or HttpStatusCode.NotImplemented),
                "the commit to pass every partition", Cancel, Patience);

            read.Status.Should().Be(HttpStatusCode.OK, read.Text);
            read.Json.GetArrayLength().Should().Be(i);
            var applied = read.Headers.GetValues("X-Applied-Lsn").Single();
            (await shop.Postgres.ScalarAsync<bool>($"SELECT '{applied}'::pg_lsn >= '{lsn}'::pg_lsn", Cancel)).Should().BeTrue();
        }
    }

    [Fact]
    public async Task Behind_Redpanda_Connect_nobody_can_tell_and_the_problem_says_so()
    {
        await using var behind = await Behind.CreateAsync(postgres, clickhouse, kafka, Cancel);
        await behind.StartAsync(Cancel);
        await behind.SendAsync(Messages.Customer(1, "Bern"));
        await behind.WaitForAsync("SELECT count() FROM cdc_progress FINAL WHERE kind = 'position'", "1", Cancel);
        await using var api = Api(behind.Store);
        using var client = await ApiServer.StartAsync(api);

        (await client.AnswerAsync(HttpMethod.Get, "/api/analytics/top-customers", null, ("X-Min-Lsn", "0/1")))
            .ShouldBeProblem(HttpStatusCode.NotImplemented)
            .Json.GetProperty("detail").GetString().Should().StartWith(
                "Redpanda Connect does not say which commits a partition has passed");
        var read = await client.AnswerAsync(HttpMethod.Get, "/api/analytics/top-customers");
        read.Text.Should().Be("[]");
        read.Headers.Contains("X-Applied-Lsn").Should().BeFalse("nobody knows it");
    }

    private static WebApplication Api(Store shop) =>
        ApiServer.Create(shop.Postgres.ConnectionString, shop.Postgres.Name,
            $"--ConnectionStrings:clickhouse={shop.ClickHouse.ConnectionString}");
}
