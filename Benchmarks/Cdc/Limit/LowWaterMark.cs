using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using AspireCdc.Benchmarks.Machine;

namespace AspireCdc.Benchmarks.Cdc.Limit;

/// <summary>
/// Receives from a socket so that a flood costs the sender little and a lone message does not wait. The server wakes for every message that
/// it could send at once; a reader that sleeps until much has come (SO_RCVLOWAT) lets it fill its buffer instead. The
/// mark is up only while data floods in.
/// </summary>
internal sealed class LowWaterMark(Socket socket)
{
    private const int Mark = 64 * 1024;

    /// <summary>So many small receives within <see cref="Window"/> are a flood: more than a transaction of a few rows needs.</summary>
    private const int FloodReceives = 16;

    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(2), Patience = TimeSpan.FromMilliseconds(5);

    // sys/socket.h
    private static readonly int SolSocket = OperatingSystem.IsMacOS() ? 0xffff : 1, SoRcvLoWat = OperatingSystem.IsMacOS() ? 0x1004 : 18;

    private long _windowStart;
    private int _receives;
    private bool _flooding;

    /// <summary>Waits for data, but no longer than <paramref name="longest"/>; 0 when none came.</summary>
    public int Receive(Span<byte> buffer, TimeSpan longest)
    {
        var full = socket.Poll(_flooding ? Patience : longest, SelectMode.SelectRead);
        if (!full && socket.Available == 0)
        {
            Raise(false);
            return 0;
        }
        var received = socket.Receive(buffer);
        if (received == 0)
            throw new BenchmarkException("PostgreSQL closed the replication connection.");
        Raise(_flooding ? full : IsFlood());
        return received;
    }

    private bool IsFlood()
    {
        if (_receives == 0 || Stopwatch.GetElapsedTime(_windowStart) > Window)
        {
            _windowStart = Stopwatch.GetTimestamp();
            _receives = 0;
        }
        return ++_receives >= FloodReceives;
    }

    private void Raise(bool flooding)
    {
        if (flooding == _flooding)
            return;
        _flooding = flooding;
        _receives = 0;
        Span<byte> mark = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(mark, flooding ? Mark : 1);
        socket.SetRawSocketOption(SolSocket, SoRcvLoWat, mark);
    }
}
