namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// The server sends each change by itself as long as its reader has room. While changes flood in, a reader that waits for some
/// milliseconds, and is not woken meanwhile, gets hundreds at once, which saves both sides most of their system calls. A lone commit does
/// not wait, unless it comes right behind a flood.
/// </summary>
/// <param name="mark">What wakes the reader.</param>
/// <param name="room">
/// Bytes that may come meanwhile without the server having to wait (<see cref="WireConnection.Room"/>); 0 if nobody knows.
/// </param>
/// <param name="time">The clock.</param>
internal sealed class Pace(LowWaterMark mark, int room, TimeProvider time)
{
    private const int FloodAfter = 16;

    /// <summary>Who gets so much at once, or of a message that misses so much, need not wait: the server has more at hand.</summary>
    private const int MuchBytes = 64 * 1024;

    /// <summary>Where less comes in a millisecond, a longer wait would be felt, and save little.</summary>
    private const int ThickBytes = 4 * 1024;

    private static readonly TimeSpan Quick = TimeSpan.FromMilliseconds(2), Shortest = Quick, Longest = TimeSpan.FromMilliseconds(16);

    private long _waitBegan;
    private int _quickReceives;
    private int _lastBrought;
    private long _broughtSinceWait;

    /// <param name="missing">Bytes that are missing of a message.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask BeforeReceiveAsync(int missing, CancellationToken cancellationToken)
    {
        if (_quickReceives > FloodAfter && _lastBrought < Math.Max(room, MuchBytes) && missing < MuchBytes)
        {
            var wait = NextWait();
            mark.Raise();
            await Task.Delay(wait, time, cancellationToken);
            mark.Lower();
        }
    }

    /// <param name="brought">Bytes that the receive brought.</param>
    /// <param name="waited">How long it took until the first of them was there.</param>
    public void AfterReceive(int brought, TimeSpan waited)
    {
        _quickReceives = waited <= Quick ? _quickReceives + 1 : 0;
        _lastBrought = brought;
        _broughtSinceWait += brought;
    }

    /// <summary>
    /// As long as the room takes to fill. Where the connection itself is what is slow, a receive takes long, and nothing waits besides.
    /// </summary>
    private TimeSpan NextWait()
    {
        var now = time.GetTimestamp();
        var bytesInAMillisecond = _broughtSinceWait / time.GetElapsedTime(_waitBegan, now).TotalMilliseconds;
        (_waitBegan, _broughtSinceWait) = (now, 0);
        if (bytesInAMillisecond < ThickBytes)
            return Shortest;

        var wait = TimeSpan.FromMilliseconds(room / bytesInAMillisecond);
        return wait < Shortest ? Shortest : wait > Longest ? Longest : wait;
    }
}
