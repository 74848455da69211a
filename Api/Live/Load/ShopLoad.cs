using System.Net;
using System.Threading.Channels;
using AspireCdc.Api.Live.Feed;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace AspireCdc.Api.Live.Load;

/// <summary>
/// Writes to this very API, over HTTP as everybody does, as often as somebody has asked for. It ends by itself when nobody has watched for
/// a while.
/// </summary>
internal sealed class ShopLoad(IServer server, LiveFeed feed, TimeProvider time) : BackgroundService
{
    /// <summary>More is not offered, in writes a second.</summary>
    public const int MostWrites = 5_000;

    /// <summary>So many requests at once; a slow database slows the load down, and nothing piles up.</summary>
    private const int Writers = 32;

    private const int FewWriters = 4;

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);

    /// <summary>How long it goes on after the last page was closed.</summary>
    private static readonly TimeSpan Unwatched = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _wanted;
    private string? _problem;

    /// <summary>What is asked for, in writes a second, and what stands in its way.</summary>
    public LoadReport Report
    {
        get
        {
            lock (_lock)
                return new(_wanted, _problem);
        }
    }

    /// <summary>Asks for that many writes a second; 0 ends it.</summary>
    public void Set(int writes)
    {
        lock (_lock)
        {
            (_wanted, _problem) = (writes, null);
            if (writes == 0)
                return;
            _asked.TrySetResult();
        }
    }

    /// <summary>Writes for so long and as fast as a few customers can, whatever else is asked for; returns what it has written.</summary>
    /// <exception cref="HttpRequestException">A write was refused.</exception>
    public async Task<ShopWrites> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        using var http = Connect();
        var shop = new RandomShop(http);
        var began = time.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, FewWriters).Select(_ => WriteAsync()));
        return shop.Written;

        async Task WriteAsync()
        {
            while (time.GetElapsedTime(began) < duration)
                await shop.WriteAsync(cancellationToken);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await _asked.Task.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stoppingToken.IsCancellationRequested)
                return;
            lock (_lock)
                _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
            await RunAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RunAsync(CancellationToken stopping)
    {
        using var http = Connect();
        var turns = Channel.CreateBounded<bool>(new BoundedChannelOptions(Writers) { FullMode = BoundedChannelFullMode.DropWrite });
        var shop = new RandomShop(http);
        var writers = Enumerable.Range(0, Writers).Select(_ => WriteAsync(shop, turns.Reader, stopping)).ToList();
        try
        {
            await PaceAsync(turns.Writer, stopping);
        }
        finally
        {
            turns.Writer.TryComplete();
            await Task.WhenAll(writers).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Gives out turns at the rate that is asked for, until it is 0.</summary>
    private async Task PaceAsync(ChannelWriter<bool> turns, CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Tick, time);
        var last = time.GetTimestamp();
        var (due, unwatched) = (0.0, TimeSpan.Zero);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            var passed = time.GetElapsedTime(last);
            last = time.GetTimestamp();
            unwatched = feed.Watchers > 0 ? TimeSpan.Zero : unwatched + passed;
            if (unwatched > Unwatched)
                Set(0);
            if (Report.Wanted is not (> 0 and var wanted))
                return;
            // After a pause of this process no more than a moment's worth is made up for.
            for (due = Math.Min(due + wanted * passed.TotalSeconds, Math.Max(1, wanted / 4.0)); due >= 1; due--)
                turns.TryWrite(true);
        }
    }

    private async Task WriteAsync(RandomShop shop, ChannelReader<bool> turns, CancellationToken stopping)
    {
        await foreach (var _ in turns.ReadAllAsync(stopping))
        {
            string? problem = null;
            try
            {
                await shop.WriteAsync(stopping);
            }
            catch (HttpRequestException e)
            {
                problem = e.Message;
            }
            lock (_lock)
                _problem = problem;
            if (problem is not null)
                await Task.Delay(TimeSpan.FromMilliseconds(500), time, stopping);
        }
    }

    /// <summary>
    /// One connection a writer; the resilience of other clients would repeat what failed. It sends no trace along by itself: a write is the
    /// beginning of one.
    /// </summary>
    private HttpClient Connect()
    {
        var handler = new SocketsHttpHandler { UseProxy = false, MaxConnectionsPerServer = Writers, ActivityHeadersPropagator = null };
        return new(handler) { BaseAddress = OwnAddress() };
    }

    private Uri OwnAddress()
    {
        var addresses = server.Features.Get<IServerAddressesFeature>()!.Addresses;
        var address = BindingAddress.Parse(addresses.First(address => address.StartsWith("http:", StringComparison.Ordinal)));
        var isNamed = IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip) && !ip.Equals(IPAddress.Any)
            && !ip.Equals(IPAddress.IPv6Any);
        var host = isNamed ? address.Host : "localhost";
        return new UriBuilder("http", host, address.Port).Uri;
    }
}

/// <summary>The load that is asked for.</summary>
/// <param name="Wanted">Writes a second.</param>
/// <param name="Problem">What the last write failed of; null where it did not.</param>
internal sealed record LoadReport(int Wanted, string? Problem);
