using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace AspireCdc.Tests.Fixtures;

/// <summary>Stands between a client and a server, and counts how often the client waits for the server.</summary>
internal sealed class RoundTrips : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly int _server;
    private readonly ConcurrentQueue<string> _sent = new();
    private int _count;

    public RoundTrips(int server)
    {
        _server = server;
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>How often something has gone out after something had come back.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>What has gone out, as far as it is text.</summary>
    public string Sent => string.Concat(_sent);

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
            _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var server = new TcpClient { NoDelay = true };
        using (client)
        {
            client.NoDelay = true;
            await server.ConnectAsync(IPAddress.Loopback, _server, _stop.Token);
            var answered = 1;
            var asking = CopyAsync(client.GetStream(), server.GetStream(), data =>
            {
                _sent.Enqueue(Encoding.Latin1.GetString(data));
                if (Interlocked.Exchange(ref answered, 0) == 1)
                    Interlocked.Increment(ref _count);
            });
            await Task.WhenAny(asking, CopyAsync(server.GetStream(), client.GetStream(), _ => Volatile.Write(ref answered, 1)));
        }
    }

    private async Task CopyAsync(NetworkStream from, NetworkStream to, Action<ReadOnlySpan<byte>> whenMoved)
    {
        var buffer = new byte[64 * 1024];
        while (await from.ReadAsync(buffer, _stop.Token) is > 0 and var count)
        {
            whenMoved(buffer.AsSpan(0, count));
            await to.WriteAsync(buffer.AsMemory(0, count), _stop.Token);
        }
    }
}
