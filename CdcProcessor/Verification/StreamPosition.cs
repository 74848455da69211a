using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.Star.Postgres;

namespace AspireCdc.CdcProcessor.Verification;

/// <summary>
/// Where the stream stands: sends something through the WAL and waits until readers of ClickHouse can see all that was committed before it.
/// </summary>
internal sealed class StreamPosition(
    WireConnection connection, string slot, ProgressTable progress, ProcessorStatus status, TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Other processors of the group say how far they are through ClickHouse, about once a second.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>Waits until ClickHouse shows all that has been committed until now.</summary>
    public Task PassAsync(CancellationToken cancellationToken) =>
        PassAsync("SELECT pg_logical_emit_message(true, 'aspirecdc', '')::text", cancellationToken);

    /// <summary>Sends markers that ask for rows once more, and waits until they have landed.</summary>
    public Task PassAsync(IEnumerable<Marker> markers, CancellationToken cancellationToken) => PassAsync(
        $"SELECT pg_logical_emit_message(false, {PostgresSql.Literal(Marker.Prefix(slot))}, " +
        $"{PostgresSql.Literal(Marker.Format(markers))})::text, pg_logical_emit_message(true, 'aspirecdc', '')::text",
        cancellationToken);

    /// <summary>Waits until all can see what has been committed until now. False if a transaction is open for too long.</summary>
    public Task<bool> SeeAsync(CancellationToken cancellationToken) => RunningTransactions.WaitAsync(
        async (sql, cancellation) => (await connection.QueryAsync(sql, cancellation))[0][0], TimeSpan.FromSeconds(30), time,
        cancellationToken);

    private async Task PassAsync(string emit, CancellationToken cancellationToken)
    {
        await connection.QueryAsync(emit, cancellationToken);
        var end = Lsn.Parse((await connection.QueryAsync("SELECT pg_current_wal_insert_lsn()::text", cancellationToken))[0][0]!);
        // What comes now ends behind that: on a quiet server the stream would come to it only with somebody else's next commit.
        await connection.QueryAsync("SELECT pg_logical_emit_message(true, 'aspirecdc', '')::text", cancellationToken);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            await WaitAsync(end, patience.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new NotReadyException(
                $"The stream has not come to {Lsn.Format(end)} within {Patience.TotalMinutes:0} minutes: it is too far behind, or " +
                "whoever writes the topic does not say how far it is, as only our connector does.");
        }
    }

    private async Task WaitAsync(ulong end, CancellationToken cancellationToken)
    {
        while (true)
        {
            var advanced = status.Advanced;
            if (status.Applied.FirstOrDefault() is { Partition: < 0 } position)
            {
                if (position.Position >= end)
                    return;
                await advanced.WaitAsync(cancellationToken);
                continue;
            }

            var known = await progress.LoadAsync(cancellationToken);
            var applied = known.Positions.Concat(status.Applied).GroupBy(partition => partition.Partition)
                .Select(partition => partition.Max(end => end.CommitLsn)).ToList();
            if (known.Source is { Partitions: var partitions } && applied.Count >= Math.Max(partitions, 1)
                && applied.TrueForAll(lsn => lsn >= end))
                return;
            await Task.Delay(LookEvery, time, cancellationToken);
        }
    }
}
