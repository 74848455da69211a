using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using AspireCdc.Benchmarks.Machine;

namespace AspireCdc.Benchmarks.Api;

/// <summary>
/// Clients on kept connections, each sending its next request when it has the answer to the last. They share the machine with the server,
/// so they are as thin as HTTP/1.1 allows: a socket, a prepared request, the status and the length of the answer.
/// </summary>
internal static class HttpLoad
{
    /// <param name="request">The n-th request of a client, whole; n counts over all clients.</param>
    /// <param name="status">What every answer has to begin with, such as <c>HTTP/1.1 200</c>.</param>
    public static async Task<Measurement> RunAsync(
        int port, Func<int, string> request, string status, int connections, TimeSpan duration, CancellationToken cancellationToken)
    {
        var number = 0;
        var start = Stopwatch.GetTimestamp();
        var latencies = await Task.WhenAll(Enumerable.Range(0, connections).Select(_ => Task.Run(() => ClientAsync(), cancellationToken)));
        return Measurement.Of([.. latencies.SelectMany(own => own)], Stopwatch.GetElapsedTime(start).TotalSeconds);

        async Task<List<double>> ClientAsync()
        {
            using var client = new TcpClient { NoDelay = true };
            await client.ConnectAsync("127.0.0.1", port, cancellationToken);
            var stream = client.GetStream();
            var (buffer, own) = (new byte[16 * 1024], new List<double>());
            while (Stopwatch.GetElapsedTime(start) < duration)
            {
                var bytes = Encoding.UTF8.GetBytes(request(Interlocked.Increment(ref number)));
                var sent = Stopwatch.GetTimestamp();
                await stream.WriteAsync(bytes, cancellationToken);
                await ReadAnswerAsync(stream, buffer, status, cancellationToken);
                own.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
            }
            return own;
        }
    }

    private static async Task ReadAnswerAsync(NetworkStream stream, byte[] buffer, string status, CancellationToken cancellationToken)
    {
        for (var length = 0; ;)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken);
            if (read == 0) throw new BenchmarkException("The API closed the connection.");
            length += read;
            if (IsWhole(buffer.AsSpan(0, length), status)) return;
        }
    }

    private static bool IsWhole(ReadOnlySpan<byte> answer, string status)
    {
        var end = answer.IndexOf("\r\n\r\n"u8);
        if (end < 0) return false;
        if (!answer.StartsWith(Encoding.ASCII.GetBytes(status)))
            throw new BenchmarkException($"The API answers: {Encoding.UTF8.GetString(answer)}");
        var field = answer.IndexOf("Content-Length: "u8);
        var value = answer[(field + "Content-Length: ".Length)..];
        return answer.Length >= end + 4 + int.Parse(value[..value.IndexOf((byte)'\r')], CultureInfo.InvariantCulture);
    }
}
