using System.Net;
using System.Net.Sockets;

namespace AspireCdc.Benchmarks.Machine;

/// <summary>Ports that nobody listens on.</summary>
internal static class FreePort
{
    /// <summary>A port that the system just handed out, and so does not hand out again soon.</summary>
    public static int Next()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
