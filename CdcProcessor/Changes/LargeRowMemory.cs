namespace AspireCdc.CdcProcessor.Changes;

/// <summary>Gives back what very large rows took: it would stay with the process for as long as nothing else wants it.</summary>
internal sealed class LargeRowMemory(TimeProvider time) : IDisposable
{
    private const long LargeRow = 1024 * 1024;

    /// <summary>
    /// By then whoever had a row in hand last has something else: PostgreSQL gives a sign of life twice a minute (wal_sender_timeout), and
    /// an HTTP connection, which remembers what it has sent, is closed after a minute without use.
    /// </summary>
    private static readonly TimeSpan HeldAtMost = TimeSpan.FromSeconds(90);

    private readonly ITimer _later = time.CreateTimer(_ => Collect(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    private bool _isTaken;

    /// <summary>Whether a batch is larger than those of many rows are by default, with rows of more than 1 MB on average.</summary>
    public static bool IsIn(ChangeBatch batch) => batch.Size > BatchPool<byte>.LargestArray && batch.Size > batch.Count * LargeRow;

    /// <summary>What nobody refers to any more goes to the system.</summary>
    public static void Collect() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive);

    /// <summary>A batch with a large row has been written.</summary>
    public void Taken() => _isTaken = true;

    /// <summary>Gives back what was taken, if anything was: now, and what is still held then, later.</summary>
    public void GiveBack()
    {
        if (!_isTaken)
            return;
        _isTaken = false;
        Collect();
        _later.Change(HeldAtMost, Timeout.InfiniteTimeSpan);
    }

    public void Dispose() => _later.Dispose();
}
