namespace AspireCdc.CdcProcessor.Running;

/// <summary>Pauses between attempts: doubling from half a second to half a minute, each with jitter so that many
/// processors do not come back as one.</summary>
internal sealed class Backoff
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    private int _attempts;

    public TimeSpan Next()
    {
        var full = TimeSpan.FromTicks(Math.Min(First.Ticks << Math.Min(_attempts++, 16), Longest.Ticks));
        return full * (0.5 + (Random.Shared.NextDouble() / 2));
    }

    public void Reset() => _attempts = 0;
}
