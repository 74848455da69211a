using System.Globalization;
using System.Net;
using System.Net.Sockets;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>Servers that stop, refuse and vanish: the pipeline comes back by itself, and the invariant holds.</summary>
public sealed class FaultTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(2);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task PostgreSQL_is_killed_and_comes_back()
    {
        await using var server = await PostgresServer.StartOwnAsync(Cancel);
        await using var shop = await Store.CreateAsync(
            Task.FromResult(new TestDatabase("shop", server.ConnectionString)), clickhouse.CreateDatabaseAsync(Cancel), Cancel);
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        var processor = await shop.StartStreamingAsync(Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Luzern' WHERE id = 1", Cancel);

        await server.KillAsync();
        await shop.WaitForPhaseAsync(processor, Phase.Faulted, Cancel);
        await server.StartAsync(Cancel);
        NpgsqlConnection.ClearAllPools();
        await shop.ExecuteAsync("UPDATE customer SET city = 'Genf' WHERE id = 2; DELETE FROM customer WHERE id = 3", Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
    }

    [Fact]
    public async Task ClickHouse_is_killed_and_comes_back()
    {
        await using var server = await ClickHouseServer.StartOwnAsync(Cancel);
        await using var shop =
            await Store.CreateAsync(postgres.CreateDatabaseAsync(Cancel), server.CreateDatabaseAsync("shop", Cancel), Cancel);
        var processor = await shop.StartFollowingAsync(Cancel);

        await server.KillAsync();
        // Nobody has to write something for that to be said.
        await SchemaShop.WaitForReadyAsync(processor, ready => ready != "200 {\"status\":\"ok\"}", shop, Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Genf' WHERE id = 2; DELETE FROM customer WHERE id = 3", Cancel);
        await shop.WaitForPhaseAsync(processor, Phase.Faulted, Cancel);
        // Attempts come and fail meanwhile.
        await Task.Delay(TimeSpan.FromSeconds(8), Cancel);
        await server.StartAsync(Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await Wait.UntilAsync(() => Task.FromResult(shop.Log.Lines.Any(line => line.Contains("The pipeline goes on after "))),
            "the outage's end to be said", Cancel, Long);
        shop.Log.Lines.Count(line => line.Contains("The pipeline stopped: ")).Should()
            .BeLessThanOrEqualTo(3, "it is said once for each reason that it has, not for each attempt");
        shop.Log.ToString().Should().NotContain("   at AspireCdc.", "a stack trace for each attempt hides the rest");
    }

    [Fact]
    public async Task ClickHouse_refuses_writes_for_a_while()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var processor = await shop.StartFollowingAsync(Cancel);

        // As with a full disk or too many parts, some tables take rows and another does not.
        await shop.QueryAsync("ALTER TABLE orderitem_fact ADD CONSTRAINT refuse CHECK quantity < 0", Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Genf'; UPDATE orderitem SET quantity = 99", Cancel);
        await shop.WaitForPhaseAsync(processor, Phase.Faulted, Cancel);
        await shop.ExecuteAsync("DELETE FROM customer WHERE id = 3", Cancel);
        await shop.QueryAsync("ALTER TABLE orderitem_fact DROP CONSTRAINT refuse", Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
    }

    [Fact]
    public async Task ClickHouses_disk_is_full_for_a_while()
    {
        using var disk = SmallDisk.Mount(megabytes: 64);
        await using var server = await ClickHouseServer.StartOwnAsync(Cancel, disk.Path);
        await using var shop =
            await Store.CreateAsync(postgres.CreateDatabaseAsync(Cancel), server.CreateDatabaseAsync("shop", Cancel), Cancel);
        var processor = await shop.StartFollowingAsync(Cancel);

        // A merge that runs while the disk becomes full can leave a damaged part behind: see the next test.
        await shop.QueryAsync("SYSTEM STOP MERGES", Cancel);
        disk.Fill();
        await shop.ExecuteAsync(
            "UPDATE customer SET city = 'Genf'; INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT 1 + i % 10, 1, i, " +
            "2.50 FROM generate_series(1, 5000) i", Cancel);
        await WaitForFaultAsync(shop, processor, "ClickHouse's disk is full: make room there, and the pipeline goes on by itself.");
        await shop.ExecuteAsync("DELETE FROM customer WHERE id = 3; UPDATE product SET name = 'later'", Cancel);
        disk.Free();

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
    }

    [Fact]
    public async Task A_part_that_a_merge_has_damaged_is_told_and_a_restart_puts_those_before_it_in_its_place()
    {
        await using var server = await ClickHouseServer.StartOwnAsync(Cancel);
        await using var shop = await Store.CreateAsync(postgres.CreateDatabaseAsync(Cancel), server.CreateDatabaseAsync("shop", Cancel),
            Cancel);
        var processor = await shop.StartFollowingAsync(Cancel);

        await shop.QueryAsync("OPTIMIZE TABLE cdc_progress FINAL", Cancel);
        await shop.QueryAsync("SYSTEM STOP MERGES", Cancel);
        var part = (await shop.QueryAsync(
            "SELECT path FROM system.parts WHERE table = 'cdc_progress' AND active ORDER BY level DESC LIMIT 1", Cancel)).Trim();
        await File.WriteAllBytesAsync(Path.Combine(part, "data.cmrk4"), [], Cancel);
        await shop.QueryAsync("SYSTEM DROP MARK CACHE", Cancel);
        // Where to go on is read at the begin of a run.
        await shop.ExecuteAsync(
            "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active AND database = current_database()", Cancel);
        await WaitForFaultAsync(shop, processor, "ClickHouse has a damaged part");
        await shop.ExecuteAsync("UPDATE customer SET city = 'Genf'", Cancel);
        await server.StopAsync();
        await server.StartAsync(Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
    }

    [Fact]
    public async Task ClickHouse_has_too_many_parts_for_a_while()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var processor = await shop.StartFollowingAsync(Cancel);

        await shop.QueryAsync($"SYSTEM STOP MERGES {shop.ClickHouse.Name}.orderitem_fact", Cancel);
        await shop.QueryAsync("ALTER TABLE orderitem_fact MODIFY SETTING parts_to_throw_insert = 5", Cancel);
        for (var i = 0; i < 8; i++)
        {
            // One part each, which nothing merges.
            await shop.ExecuteAsync($"UPDATE orderitem SET quantity = {100 + i} WHERE id = 1", Cancel);
            await Wait.UntilAsync(
                async () => processor.Services.GetRequiredService<ProcessorStatus>().Phase == Phase.Faulted
                    || await shop.QueryAsync("SELECT quantity FROM orderitem_fact WHERE orderitem_id = 1", Cancel) == $"{100 + i}\n",
                "the change or the fault", Cancel);
        }
        await WaitForFaultAsync(shop, processor, "ClickHouse has too many parts in one partition of a table");
        await shop.ExecuteAsync("DELETE FROM customer WHERE id = 3", Cancel);
        await shop.QueryAsync($"SYSTEM START MERGES {shop.ClickHouse.Name}.orderitem_fact", Cancel);
        await shop.QueryAsync("ALTER TABLE orderitem_fact RESET SETTING parts_to_throw_insert", Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
    }

    [Fact]
    public async Task Commits_share_parts_where_ClickHouse_falls_behind_with_its_merges()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var processor = await shop.StartFollowingAsync(Cancel);

        // ClickHouse holds each insert up, the longer the more parts there are; what is committed meanwhile comes in the next one.
        await shop.QueryAsync($"SYSTEM STOP MERGES {shop.ClickHouse.Name}.orderitem_fact", Cancel);
        await shop.QueryAsync("ALTER TABLE orderitem_fact MODIFY SETTING parts_to_delay_insert = 3, parts_to_throw_insert = 40", Cancel);
        await shop.ExecuteAsync(
            """
            DO $$ BEGIN FOR i IN 1..400 LOOP
                UPDATE orderitem SET quantity = i WHERE id = 1; COMMIT; PERFORM pg_sleep(0.01);
            END LOOP; END $$
            """, Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        int.Parse(await shop.QueryAsync(
            "SELECT count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 'orderitem_fact'", Cancel),
            CultureInfo.InvariantCulture).Should().BeInRange(4, 39);
        processor.Services.GetRequiredService<ProcessorStatus>().Phase.Should().Be(Phase.Streaming);
        shop.Log.Lines.Should().NotContain(line => line.Contains("too many parts"));
    }

    [Fact]
    public async Task A_copy_for_which_PostgreSQL_has_no_slot_left_waits_and_the_stream_goes_on()
    {
        await using var server = await PostgresServer.StartOwnAsync(
            Cancel, new Dictionary<string, string> { ["max_replication_slots"] = "1" });
        await using var shop = await Store.CreateAsync(
            Task.FromResult(new TestDatabase("shop", server.ConnectionString)), clickhouse.CreateDatabaseAsync(Cancel), Cancel);
        var processor = await shop.StartFollowingAsync(Cancel);

        using var http = new HttpClient { BaseAddress = new Uri(processor.Urls.First()) };
        (await http.PostAsync("/operations/resync?table=customer", null, Cancel)).EnsureSuccessStatusCode();
        await Wait.ForAsync(() => http.GetStringAsync("/ready", Cancel), ready =>
            ready.Contains("customer could not be copied (all replication slots are in use"), "the copy to be refused", Cancel, Long);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Genf'", Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        processor.Services.GetRequiredService<ProcessorStatus>().Phase.Should().Be(Phase.Streaming);
    }

    [Fact]
    public async Task Connections_cut_in_the_middle_of_a_message()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        var real = new NpgsqlConnectionStringBuilder(shop.Postgres.ConnectionString);
        await using var proxy = new CuttingProxy(real.Host!, real.Port);
        await shop.StartAsync(Cancel, "--ConnectionStrings:shop",
            new NpgsqlConnectionStringBuilder(real.ConnectionString) { Host = "127.0.0.1", Port = proxy.Port }.ConnectionString);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);

        // Each cut comes after some more bytes, wherever in a message that is.
        for (var round = 0; round < 4; round++)
        {
            proxy.CutAfter(3000 + (round * 777));
            await shop.ExecuteAsync(
                $"INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT 1 + i % 10, 1, i, {round + 1} FROM " +
                $"generate_series(1, 500) i; UPDATE \"order\" SET status = 'round {round}'", Cancel);
            await Wait.ForAsync(() => Task.FromResult(proxy.Cuts), cuts => cuts > round, "the connection to be cut", Cancel, Long);
        }
        proxy.CutAfter(int.MaxValue);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
    }

    [Fact]
    public async Task A_second_processor_stands_by_and_takes_over()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync(Store.FewRows, Cancel);
        var first = await shop.StartStreamingAsync(Cancel);
        var second = await shop.StartAsync(Cancel);
        await shop.WaitForPhaseAsync(second, Phase.StandingBy, Cancel);
        using var http = new HttpClient { BaseAddress = new Uri(second.Urls.First()) };
        (await http.GetAsync("/ready", Cancel)).StatusCode.Should().Be(HttpStatusCode.OK);
        var blind = await shop.StartAsync(Cancel, "--ConnectionStrings:clickhouse",
            $"Host=127.0.0.1;Port={FreePort.Next()};Username=panda;Password=pandapass;Database=local");
        await shop.WaitForPhaseAsync(blind, Phase.StandingBy, Cancel);
        using var other = new HttpClient { BaseAddress = new Uri(blind.Urls.First()) };
        var ready = await other.GetAsync("/ready", Cancel);
        ready.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        (await ready.Content.ReadAsStringAsync(Cancel)).Should().Contain("could not take over");
        await shop.StopAsync(blind);

        await shop.StopAsync(first);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Genf' WHERE id = 2", Cancel);

        await shop.WaitForPhaseAsync(second, Phase.Streaming, Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    [Fact]
    public async Task An_invalidated_slot_is_unhealthy_and_says_what_to_run()
    {
        await using var server = await PostgresServer.StartOwnAsync(Cancel, new Dictionary<string, string>
        {
            ["max_slot_wal_keep_size"] =
            "1MB",
            ["max_wal_size"] = "32MB",
            ["min_wal_size"] = "32MB",
            ["wal_keep_size"] = "0"
        });
        await using var shop = await Store.CreateAsync(
            Task.FromResult(new TestDatabase("shop", server.ConnectionString)), clickhouse.CreateDatabaseAsync(Cancel), Cancel);
        var processor = await shop.StartFollowingAsync(Cancel);
        await shop.WaitUntilCopiedAsync(Cancel);
        await shop.StopAsync(processor);

        await shop.ExecuteAsync("CREATE TABLE bulk (x text); UPDATE customer SET city = 'lost' WHERE id = 1", Cancel);
        for (var i = 0; i < 5; i++)
            await shop.ExecuteAsync(
                "INSERT INTO bulk SELECT repeat('x', 1000) FROM generate_series(1, 20000); SELECT pg_switch_wal(); CHECKPOINT", Cancel);

        processor = await shop.StartAsync(Cancel);
        await shop.WaitForPhaseAsync(processor, Phase.ResyncRequired, Cancel);
        shop.Log.ToString().Should().Contain("has invalidated replication slot").And.Contain("resync --all");

        using var http = new HttpClient { BaseAddress = new Uri(processor.Urls.First()) };
        (await http.PostAsync("/operations/resync?all=true", null, Cancel)).EnsureSuccessStatusCode();
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
    }

    [Fact]
    public async Task Applied_and_derived_changes_are_replayed_without_harm()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var processor = await shop.StartFollowingAsync(Cancel);
        await shop.StopAsync(processor);
        // A copy of the slot, which stays where it is while the work is done and acknowledged, gives all of it again.
        await shop.ExecuteAsync($"SELECT pg_copy_logical_replication_slot('{shop.Slot}', '{shop.Slot}_old')", Cancel);
        processor = await shop.StartStreamingAsync(Cancel);
        await shop.ExecuteAsync(
            "UPDATE orderitem SET id = id + 100 WHERE id < 5; TRUNCATE orderitem; DELETE FROM customer WHERE id = 2; UPDATE customer " +
            "SET city = 'Visp'; INSERT INTO customer (id, email, name, country, city) VALUES (2, 'x', 'again', 'x', 'y')", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.StopAsync(processor);

        await shop.StartStreamingAsync(Cancel, "--Cdc:Slot", shop.Slot + "_old");
        await shop.ExecuteAsync("UPDATE customer SET city = 'Brig' WHERE id = 1", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    /// <summary>Waits for a fault that says this, and that the next attempt comes by itself.</summary>
    private static async Task WaitForFaultAsync(Store shop, WebApplication processor, string sentence)
    {
        var status = processor.Services.GetRequiredService<ProcessorStatus>();
        await Wait.ForAsync(() => Task.FromResult((status.Phase, status.Reason)), now => now.Phase == Phase.Faulted
            && now.Reason.Contains(sentence), sentence, Cancel, Long);
        await Wait.UntilAsync(() => Task.FromResult(
            shop.Log.Lines.Any(line => line.Contains(sentence) && line.Contains("Trying again in "))), "the fault to be logged", Cancel);
        using var http = new HttpClient { BaseAddress = new Uri(processor.Urls.First()) };
        (await Wait.ForAsync(() => http.GetAsync("/ready", Cancel), answer => answer.StatusCode == HttpStatusCode.ServiceUnavailable,
            "the processor to be unready", Cancel)).Dispose();
    }

    /// <summary>A TCP proxy that cuts every connection once so many bytes have come from the server.</summary>
    private sealed class CuttingProxy : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _accepting;
        private long _left = long.MaxValue;
        private int _cuts;

        public CuttingProxy(string host, int port)
        {
            _listener.Start();
            _accepting = AcceptAsync(host, port);
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public int Cuts => _cuts;

        public void CutAfter(int bytes) => Interlocked.Exchange(ref _left, bytes);

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            _listener.Stop();
            await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _stop.Dispose();
        }

        private async Task AcceptAsync(string host, int port)
        {
            while (!_stop.IsCancellationRequested)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _ = ServeAsync(client, host, port);
            }
        }

        private async Task ServeAsync(TcpClient client, string host, int port)
        {
            using var server = new TcpClient();
            using (client)
            {
                await server.ConnectAsync(host, port, _stop.Token);
                var up = client.GetStream().CopyToAsync(server.GetStream(), _stop.Token);
                await Task.WhenAny(up, DownAsync(server.GetStream(), client.GetStream()));
            }
        }

        private async Task DownAsync(NetworkStream server, NetworkStream client)
        {
            var buffer = new byte[8192];
            while (await server.ReadAsync(buffer, _stop.Token) is > 0 and var read)
            {
                var left = Interlocked.Add(ref _left, -read);
                if (left < 0)
                {
                    await client.WriteAsync(buffer.AsMemory(0, (int)Math.Max(0, read + left)), _stop.Token);
                    Interlocked.Exchange(ref _left, long.MaxValue);
                    Interlocked.Increment(ref _cuts);
                    return;
                }
                await client.WriteAsync(buffer.AsMemory(0, read), _stop.Token);
            }
        }
    }
}
