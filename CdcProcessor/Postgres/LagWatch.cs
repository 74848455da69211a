using Npgsql;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// How far the sink is behind the server. What has been received tells when it was committed; of what has not, only the end of the server's
/// WAL is known, which the stream tells no further than it has come itself.
/// </summary>
internal sealed class LagWatch(PostgresCatalog catalog, WalReader reader, ProcessorStatus status, ulong resumedAt, TimeProvider time)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    private volatile End _end = new(0, 0);
    private volatile End _unreceived = new(0, 0);

    /// <summary>Looks at the server's end of WAL now and then, until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(LookEvery, time);
        do
        {
            try
            {
                var (end, slot) = await catalog.EndOfWalAsync(cancellationToken);
                _end = new End(end, NowMicroseconds);
                status.Slot = slot;
                if (_unreceived.Lsn <= reader.Received)
                    _unreceived = _end;
            }
            catch (NpgsqlException)
            {
                // The stream tells by itself if the server is gone.
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    /// <summary>Bytes of WAL that the sink has not, and the age of the oldest commit among them; of WAL that has not been received, how
    /// long it has been there at least.</summary>
    public SourceLag Now()
    {
        var applied = status.Applied.Select(position => position.Position).DefaultIfEmpty(resumedAt).Max();
        var bytes = Behind(Math.Max(reader.Received, _end.Lsn), applied);
        var since = reader.Pending.OldestAfter(applied) ?? (_unreceived.Lsn > reader.Received ? _unreceived.Seen : null as long?);
        return new SourceLag(bytes, bytes == 0 || since is null ? 0 : Math.Max(0, (NowMicroseconds - since.Value) / 1e6));
    }

    public static long Behind(ulong end, ulong applied) => end > applied ? (long)(end - applied) : 0;

    private long NowMicroseconds => (long)(time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMicroseconds;

    /// <summary>An end of WAL, and when it was seen.</summary>
    private sealed record End(ulong Lsn, long Seen);
}
