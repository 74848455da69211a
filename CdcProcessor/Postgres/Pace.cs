namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// The server wakes up for every message that its reader has room for. While changes flood in, a reader that waits two milliseconds, and
/// is not woken meanwhile, lets it fill its buffer, which saves both sides most of their system calls; a lone commit never waits.
/// </summary>
internal sealed class Pace(LowWaterMark mark, TimeProvider time)
{
    private const int FloodAfter = 16;
    private const int LittleBytes = 64 * 1024;
    private static readonly TimeSpan Quick = TimeSpan.FromMilliseconds(2), Wait = TimeSpan.FromMilliseconds(2);

    private long _last;
    private int _quickReceives;

    /// <param name="lastReceived">Bytes that the last receive brought.</param>
    /// <param name="missing">
    /// Bytes that are missing of a message. Of a large one the server has all of the rest at hand, and waiting gains nothing: over TLS,
    /// where a receive brings one record of 16 KB at most, it would cost a wait for each.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask BeforeReceiveAsync(int lastReceived, int missing, CancellationToken cancellationToken)
    {
        var now = time.GetTimestamp();
        _quickReceives = time.GetElapsedTime(_last, now) <= Quick ? _quickReceives + 1 : 0;
        if (_quickReceives > FloodAfter && lastReceived < LittleBytes && missing < LittleBytes)
        {
            mark.Raise();
            await Task.Delay(Wait, time, cancellationToken);
            mark.Lower();
        }
        _last = time.GetTimestamp();
    }
}
