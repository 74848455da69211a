namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// The server sends each change by itself as long as its reader has room. While changes flood in, a reader that waits for some
/// milliseconds, and is not woken meanwhile, gets hundreds at once, which saves both sides most of their system calls; a lone commit never
/// waits.
/// </summary>
internal sealed class Pace(LowWaterMark mark, TimeProvider time)
{
    private const int FloodAfter = 16;

    /// <summary>What a wait is to bring: half of what the connection has room for.</summary>
    private const int MuchBytes = 128 * 1024;

    /// <summary>
    /// Of a message that misses so much the server has all of the rest at hand, and waiting gains nothing: over TLS, where a receive
    /// brings one record of 16 KB at most, it would cost a wait for each.
    /// </summary>
    private const int LargeMessage = 64 * 1024;

    /// <summary>Where less comes in a millisecond, a longer wait would be felt, and save little.</summary>
    private const int ThickBytes = 4 * 1024;

    private static readonly TimeSpan Quick = TimeSpan.FromMilliseconds(2), Shortest = Quick, Longest = TimeSpan.FromMilliseconds(16);

    private long _receiveBegan;
    private long _waitBegan;
    private int _quickReceives;
    private int _lastBrought;
    private long _broughtSinceWait;

    /// <param name="missing">Bytes that are missing of a message.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask BeforeReceiveAsync(int missing, CancellationToken cancellationToken)
    {
        if (_quickReceives > FloodAfter && _lastBrought < MuchBytes && missing < LargeMessage)
        {
            var wait = NextWait();
            mark.Raise();
            await Task.Delay(wait, time, cancellationToken);
            mark.Lower();
        }
        _receiveBegan = time.GetTimestamp();
    }

    /// <param name="brought">Bytes that the receive brought.</param>
    public void AfterReceive(int brought)
    {
        _quickReceives = time.GetElapsedTime(_receiveBegan) <= Quick ? _quickReceives + 1 : 0;
        _lastBrought = brought;
        _broughtSinceWait += brought;
    }

    private TimeSpan NextWait()
    {
        var now = time.GetTimestamp();
        var bytesInAMillisecond = _broughtSinceWait / time.GetElapsedTime(_waitBegan, now).TotalMilliseconds;
        (_waitBegan, _broughtSinceWait) = (now, 0);
        if (bytesInAMillisecond < ThickBytes)
            return Shortest;

        var wait = TimeSpan.FromMilliseconds(MuchBytes / bytesInAMillisecond);
        return wait < Shortest ? Shortest : wait > Longest ? Longest : wait;
    }
}
