namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// A commit stands in the WAL, and so in the stream, before readers see it, above all with a synchronous standby. Once every transaction
/// that runs now has ended, all that was committed until now can be seen.
/// </summary>
internal static class RunningTransactions
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Those of other databases of the server change nothing here. A transaction holds the lock of its own id until everybody can see what
    /// it did, also while it waits for a standby; one whose database cannot be told counts.
    /// </summary>
    private const string Running =
        """
        SELECT array(SELECT x FROM pg_snapshot_xip(pg_current_snapshot()) x WHERE NOT EXISTS (
            SELECT FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
            WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.transactionid = x::xid
                AND a.datid <> (SELECT oid FROM pg_database WHERE datname = current_database())))::text
        """;

    /// <summary>Waits for the end of what runs now. False if something still runs after <paramref name="patience"/>.</summary>
    /// <param name="ask">Runs a query and returns the one text that it selects.</param>
    /// <param name="patience">How long to wait.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<bool> WaitAsync(
        Func<string, CancellationToken, Task<string?>> ask, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
    {
        var running = await ask(Running, cancellationToken);
        if (running is null or "{}")
            return true;

        var started = time.GetTimestamp();
        var pause = TimeSpan.FromMilliseconds(1);
        while (await ask($"SELECT count(*)::text FROM unnest('{running}'::xid8[]) AS t(x) WHERE pg_xact_status(x) = 'in progress'",
            cancellationToken) != "0")
        {
            if (time.GetElapsedTime(started) > patience)
                return false;
            // Nothing signals the end of another's transaction.
            await Task.Delay(pause, time, cancellationToken);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
        return true;
    }
}
