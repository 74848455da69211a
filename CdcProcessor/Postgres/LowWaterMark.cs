using System.Net.Sockets;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// How much a TCP socket must hold before it is told of (SO_RCVLOWAT). .NET has each arrival told, whether anybody receives or not, and in
/// a flood that woke a thread for every second change. On Linux alone: elsewhere nobody says that a receive which waits already would be
/// told of what came meanwhile.
/// </summary>
internal sealed class LowWaterMark(Socket socket)
{
    /// <summary>More than one of the reader's waits brings; the kernel makes it half of the socket's room where that is less.</summary>
    private const int Much = 256 * 1024;

    private const int Least = 1;

    // Linux's asm-generic/socket.h.
    private const int SolSocket = 1, SoRcvLoWat = 18;

    private bool _isUsed = OperatingSystem.IsLinux();

    /// <summary>From now on it is not told of until much has come, or the connection ends.</summary>
    public void Raise() => Set(Much);

    /// <summary>It is told of every byte, and at once of what has come meanwhile (Linux's tcp_set_rcvlowat looks).</summary>
    public void Lower() => Set(Least);

    private void Set(int bytes)
    {
        if (!_isUsed)
            return;

        Span<byte> value = stackalloc byte[sizeof(int)];
        BitConverter.TryWriteBytes(value, bytes);
        try
        {
            socket.SetRawSocketOption(SolSocket, SoRcvLoWat, value);
        }
        catch (SocketException)
        {
            _isUsed = false; // a kernel without it, as that of WSL 1: it goes on as it would elsewhere
        }
    }
}
