using System.Net;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.CdcProcessor.Running;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>How far behind the sink is, and what health says of it.</summary>
public sealed class LagTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private const string Customer = "INSERT INTO customer (email, name, country, city) VALUES ('a', 'b', 'c', 'd')";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task While_the_sink_does_not_answer_lag_is_the_age_of_the_oldest_commit_and_health_warns()
    {
        await using var server = await ClickHouseServer.StartOwnAsync(Cancel);
        await using var shop =
            await Store.CreateAsync(postgres.CreateDatabaseAsync(Cancel), server.CreateDatabaseAsync("shop", Cancel), Cancel);
        await shop.ExecuteAsync(Customer, Cancel);
        var processor = await shop.StartStreamingAsync(Cancel, "--Cdc:MaxLag", "00:00:02");
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await ReadyAsync(processor, HttpStatusCode.OK, "{\"status\":\"ok\"}");

        await server.FreezeAsync();
        try
        {
            await shop.ExecuteAsync("UPDATE customer SET city = 'old'", Cancel);
            await LagAsync(processor, lag => lag.Seconds > 1, "the first commit to age");
            await shop.ExecuteAsync("UPDATE customer SET city = 'new'", Cancel);
            var lag = await LagAsync(processor, lag => lag.Seconds > 2.1, "the first commit to age on, whatever was committed after it");
            lag.Bytes.Should().BePositive();
            await ReadyAsync(processor, HttpStatusCode.OK, "bytes of WAL behind, and Cdc:MaxLag is 0:00:02");
        }
        finally
        {
            await server.ThawAsync();
        }

        await LagAsync(processor, lag => lag == default, "nothing to wait any more");
        await ReadyAsync(processor, HttpStatusCode.OK, "{\"status\":\"ok\"}");
        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    [Fact]
    public async Task While_the_server_sends_nothing_lag_is_the_wal_that_it_has()
    {
        await using var server = await PostgresServer.StartOwnAsync(Cancel);
        await using var shop = await Store.CreateAsync(
            Task.FromResult(new TestDatabase("shop", server.ConnectionString)), clickhouse.CreateDatabaseAsync(Cancel), Cancel);
        await shop.ExecuteAsync(Customer, Cancel);
        var processor = await shop.StartStreamingAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await LagAsync(processor, lag => lag == default, "nothing to wait");

        var sender =
            await shop.Postgres.ScalarAsync<int>($"SELECT active_pid FROM pg_replication_slots WHERE slot_name = '{shop.Slot}'", Cancel);
        await Signal.SendAsync("STOP", sender);
        try
        {
            await shop.ExecuteAsync("CREATE TABLE bulk AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 2000)", Cancel);
            await LagAsync(processor, lag => lag is { Bytes: > 2_000_000, Seconds: > 1 }, "the server's WAL to be seen");
        }
        finally
        {
            await Signal.SendAsync("CONT", sender);
        }
        await LagAsync(processor, lag => lag == default, "nothing to wait any more");
    }

    [Fact]
    public async Task A_paused_processor_is_ready_with_a_warning_and_tells_how_much_waits()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync(Customer, Cancel);
        var processor = await shop.StartStreamingAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        var control = processor.Services.GetRequiredService<ProcessorControl>();

        await control.PauseAsync(Cancel);
        await ReadyAsync(processor, HttpStatusCode.OK,
            "The pipeline is paused: 'CdcProcessor resume' lets it go on. PostgreSQL keeps its WAL meanwhile.");
        await shop.ExecuteAsync("UPDATE customer SET city = 'later'", Cancel);
        await LagAsync(processor, lag => lag.Bytes > 0, "WAL to wait");

        await control.ResumeAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await ReadyAsync(processor, HttpStatusCode.OK, "{\"status\":\"ok\"}");
    }

    [Fact]
    public async Task A_pipeline_that_is_paused_before_it_has_recorded_a_position_tells_what_waits_for_its_slot()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        // It waits for every transaction that writes, those of other tests included.
        var patient = shop.Postgres with { ConnectionString = shop.Postgres.ConnectionString + ";Command Timeout=0" };
        await patient.ExecuteAsync($"SELECT pg_create_logical_replication_slot('{shop.Slot}', 'pgoutput')", Cancel);
        await shop.QueryAsync("INSERT INTO cdc_progress (kind, name, state, position, version) VALUES ('pause', '', 'requested', 0, 1)",
            Cancel);
        var processor = await shop.StartAsync(Cancel);
        await shop.WaitForPhaseAsync(processor, Phase.Paused, Cancel);

        await shop.ExecuteAsync(Customer, Cancel);
        await LagAsync(processor, lag => lag.Bytes > 0, "WAL to wait");

        await processor.Services.GetRequiredService<ProcessorControl>().ResumeAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await LagAsync(processor, lag => lag == default, "nothing to wait any more");
    }

    [Fact]
    public void Commits_that_are_applied_count_no_more_and_those_of_one_moment_count_as_one()
    {
        var pending = new PendingCommits();
        pending.Received(100, 1_000_000);
        pending.Received(200, 1_050_000);
        pending.Received(300, 2_000_000);

        pending.OldestAfter(101).Should().Be(1_000_000, "the second of that moment is not applied");
        pending.OldestAfter(201).Should().Be(2_000_000);
        pending.OldestAfter(301).Should().BeNull();
        pending.Received(400, 2_010_000);
        pending.OldestAfter(301).Should().Be(2_010_000);
    }

    private static async Task<SourceLag> LagAsync(WebApplication processor, Func<SourceLag, bool> expected, string what)
    {
        var status = processor.Services.GetRequiredService<ProcessorStatus>();
        return (await Wait.ForAsync(
            () => Task.FromResult((status.Lag, status.Phase, status.Reason)), now => expected(now.Lag), what, Cancel)).Lag;
    }

    private static async Task ReadyAsync(WebApplication processor, HttpStatusCode status, string text)
    {
        using var http = new HttpClient { BaseAddress = new Uri(processor.Urls.First()) };
        await Wait.ForAsync(
            async () =>
            {
                using var answer = await http.GetAsync("/ready", Cancel);
                return (answer.StatusCode, Text: await answer.Content.ReadAsStringAsync(Cancel));
            },
            answer => answer.StatusCode == status && answer.Text.Contains(text), $"/ready to answer {status}: {text}", Cancel);
    }
}
