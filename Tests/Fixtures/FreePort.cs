using System.Net;
using System.Net.Sockets;

namespace AspireCdc.Tests.Fixtures;

/// <summary>
/// Ports for servers that stop and start again in a test. The system hands none of these out (Linux' <c>ip_local_port_range</c> begins at
/// 32768, others' at 49152): a connection of anybody's could take such a one while its server is down, or before it is up.
/// </summary>
internal static class FreePort
{
    private const int First = 12_000, Count = 20_000;

    private static int _last = Random.Shared.Next(Count);

    /// <summary>A port that nobody listens on, and that this process has not had before.</summary>
    public static int Next()
    {
        while (true)
        {
            var port = First + (int)((uint)Interlocked.Increment(ref _last) % Count);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody has it; the next one, then.
            }
        }
    }
}
