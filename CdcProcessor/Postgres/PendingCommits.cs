namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>When those commits were made that have been received and are not applied yet, to a tenth of a second: as many as a busy server
/// makes need not be kept one by one.</summary>
internal sealed class PendingCommits
{
    /// <summary>Microseconds.</summary>
    private const long Together = 100_000;

    private readonly Lock _lock = new();
    private readonly Queue<Commits> _pending = [];
    private Commits? _newest;

    /// <summary>The first change of a transaction has come.</summary>
    /// <param name="lsn">Its commit's LSN.</param>
    /// <param name="time">When it was committed, in microseconds since 1970.</param>
    public void Received(ulong lsn, long time)
    {
        lock (_lock)
        {
            if (_newest is { } newest && time - newest.Time < Together)
                newest.Last = lsn;
            else
                _pending.Enqueue(_newest = new Commits { Time = time, Last = lsn });
        }
    }

    /// <summary>The time of the oldest one, once everything before a position is applied; null if none is left.</summary>
    public long? OldestAfter(ulong applied)
    {
        lock (_lock)
        {
            while (_pending.TryPeek(out var first))
            {
                if (first.Last >= applied)
                    return first.Time;
                _pending.Dequeue();
            }
            _newest = null;
            return null;
        }
    }

    private sealed class Commits
    {
        public long Time { get; init; }

        public ulong Last { get; set; }
    }
}
