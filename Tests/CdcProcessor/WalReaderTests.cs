using AspireCdc.CdcProcessor;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>What the reader of a real stream hands over to a pipeline that waits.</summary>
public sealed class WalReaderTests
{
    private const int Full = 100, Commits = 1000;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Of_commits_that_are_seconds_old_a_batch_grows_until_it_is_half_full()
    {
        await using var server = await PostgresServer.StartOwnAsync(Cancel);
        var shop = new TestDatabase("shop", server.ConnectionString);
        await shop.ExecuteAsync(Example.Store.Tables, Cancel);
        await shop.ExecuteAsync("CREATE PUBLICATION customers FOR TABLE customer", Cancel);
        await shop.ExecuteAsync("SELECT pg_create_logical_replication_slot('slot', 'pgoutput')", Cancel);
        await shop.ExecuteAsync(
            $"""
            DO $$ BEGIN
                FOR i IN 1..{Commits} LOOP
                    INSERT INTO customer (email, name, country, city) VALUES (i::text, 'name', 'CH', 'Bern');
                    COMMIT;
                END LOOP;
            END $$
            """, Cancel);
        await Wait.UntilAsync(
            () => shop.ScalarAsync<bool>("SELECT clock_timestamp() > max(created_at) + interval '3 s' FROM customer", Cancel),
            "the last commit to be three seconds old", Cancel);

        // Its clock stands, so the pipeline's patience has no end.
        var exchange = new BatchExchange<StreamBatch>(new FakeTimeProvider());
        await using var connection = await WireConnection.OpenAsync(shop.ConnectionString, "test", replication: true, Cancel);
        await connection.StartReplicationAsync(
            "START_REPLICATION SLOT slot LOGICAL 0/0 (proto_version '1', publication_names 'customers')", Cancel);
        var reader = new WalReader(connection, new PgOutputDecoder(Store.Own, "aspirecdc", _ => { }, _ => { }), exchange,
            new CdcOptions { BatchChanges = Full }, TimeProvider.System, () => int.MaxValue);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var reading = reader.RunAsync(stop.Token);

        var sizes = new List<int>();
        while (sizes.Sum() < Commits)
        {
            var taking = exchange.TakeAsync();
            if (await Task.WhenAny(taking, reading).WaitAsync(TimeSpan.FromMinutes(1), Cancel) == reading)
                await reading;
            sizes.Add((await taking).Changes.Count);
        }
        await stop.CancelAsync();
        await Task.WhenAny(reading);

        // One may have no change but a sign of life, and the last has what is left.
        sizes.Where(size => size > 0).SkipLast(1).Should().NotBeEmpty().And.OnlyContain(size => size >= Full / 2);
    }
}
