using System.Threading.Channels;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.Model;
using Npgsql;

namespace AspireCdc.CdcProcessor.Postgres.Watch;

/// <summary>
/// Looks at the catalog every five seconds, and at once where a schema change is told by the stream: holds each table against what it was
/// when it was copied. What is certain to differ is copied anew; the rest is told. A difference counts once the stream has passed the
/// moment at which it was seen, for it may bring the explanation: TRUNCATE, a new partition.
/// </summary>
internal sealed class CatalogWatch(
    PostgresCatalog catalog, TableForms forms, TableLedger ledger, ChangeGuard guard, StarModel model, CdcOptions options,
    TableDoubts doubts,
    ChannelWriter<ChangeBatch> output, ChannelReader<bool> signals, TimeProvider time)
{
    /// <summary>This watch's name where doubts are told.</summary>
    public const string Name = "postgresql";

    /// <summary>An idle server's stream may end a page before its WAL does: after so many looks that does not count.</summary>
    private const int PatientLooks = 3;

    /// <summary>A look is followed by a rest of so many times what it took.</summary>
    private const int RestPerLook = 20;

    private const ulong Page = 8192;
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    private readonly Dictionary<(string Table, string What), (ulong Seen, int Looks)> _seen = [];

    /// <summary>Tables that lost something, and cannot be copied before a fault is mended.</summary>
    private readonly HashSet<string> _withheld = [];

    /// <summary>Looks until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var hasDifferences = false;
            var began = time.GetTimestamp();
            try
            {
                hasDifferences = await LookAsync(cancellationToken);
            }
            catch (PostgresException e) when (e.SqlState[..2] is not ("57" or "08"))
            {
                var what = $"could not be held against PostgreSQL's catalog ({e.MessageText})";
                doubts.Tell(Name, [("every table", what, "mend that; it is looked at again every five seconds.")]);
            }
            catch (NpgsqlException)
            {
                // The stream tells by itself if the server is gone.
            }
            // What was seen just now is waited for with shorter pauses. Otherwise many tables must not keep the server busy with looks.
            var rest = RestPerLook * time.GetElapsedTime(began);
            var pause = Task.Delay(hasDifferences ? LookEvery / 5 : rest > LookEvery ? rest : LookEvery, time, cancellationToken);
            await Task.WhenAny(pause, signals.WaitToReadAsync(cancellationToken).AsTask());
            cancellationToken.ThrowIfCancellationRequested();
            while (signals.TryRead(out _))
            {
                // One look answers them all.
            }
        }
    }

    private async Task<bool> LookAsync(CancellationToken cancellationToken)
    {
        var now = await forms.NowAsync(cancellationToken);
        var faults = await catalog.FaultsAsync(cancellationToken);
        var end = Lsn.Parse((string)(await catalog.QueryAsync("SELECT pg_current_wal_insert_lsn()::text", cancellationToken))[0][0]!);
        var told = new List<(string, string, string)>();
        var batch = new ChangeBatch();
        var waits = false;
        foreach (var table in model.Tables)
        {
            foreach (var fault in faults.Where(fault => fault.Table == table || (fault.Table is null && fault.IsLossy)))
                told.Add((table.Source, fault.IsOfReading ? "cannot be read" : "is not as the model has it", fault.What));
            if (faults.Any(fault => fault.Withholds(table)))
            {
                // What is lost from now on is made good by a copy; that it is due outlives this process.
                if (_withheld.Add(table.Source))
                    batch.Record(new TableCopy(table.Source, CopyState.Withheld, end, table.Fingerprint));
            }
            else if (_withheld.Remove(table.Source))
            {
                Ask(table, "was without some of its changes", end, batch);
            }
            else if (!ledger.IsAsked(table) && ledger.FormOf(table) is { } then && now.TryGetValue(table.Source, out var form))
            {
                var empty = await EmptyPartitionsAsync(then, form, cancellationToken);
                Amend(table, then, form, empty, batch);
                foreach (var difference in FormDifference.Between(
                    table, ledger.FormOf(table)!, form, empty.Contains, guard.Explains(table, form)))
                {
                    if (!HasPassed(table, difference.What, end))
                        waits = true;
                    else if (difference.IsCertain && !options.IsCopiedByHand(table))
                        Ask(table, difference.What, end, batch);
                    else
                        told.Add((table.Source, difference.What, $"'CdcProcessor resync {table.Source}' brings it up to date."));
                }
            }
            if (ledger.ReasonOf(table) is { } reason)
                told.Add((table.Source, reason, "it is being copied anew, by itself."));
        }
        await LookAtSlotAsync(told, cancellationToken);
        doubts.Tell(Name, told);
        if (batch.Copies.Count > 0)
            await output.WriteAsync(batch, cancellationToken);
        return waits;
    }

    private async Task LookAtSlotAsync(List<(string, string, string)> told, CancellationToken cancellationToken)
    {
        var rows = await catalog.QueryAsync("SELECT wal_status::text FROM pg_replication_slots WHERE slot_name = $1", cancellationToken,
            options.Slot);
        if (rows is [[string status]] && status is "unreserved" or "lost")
        {
            told.Add((
                "every table", $"comes by slot {options.Slot}, whose WAL PostgreSQL is about to throw away (its wal_status is {status})",
                "let the sink catch up, or raise max_slot_wal_keep_size; once it is lost, 'CdcProcessor resync --all' copies everything."));
        }
    }

    private void Ask(TableMapping table, string why, ulong end, ChangeBatch batch)
    {
        ledger.Ask(table, why);
        batch.Record(new TableCopy(table.Source, CopyState.Requested, end, table.Fingerprint));
        foreach (var seen in _seen.Keys.Where(seen => seen.Table == table.Source).ToList())
            _seen.Remove(seen);
    }

    private async Task<IReadOnlySet<uint>> EmptyPartitionsAsync(TableForm then, TableForm now, CancellationToken cancellationToken)
    {
        var before = then.Partitions.ToDictionary(partition => partition.Oid, partition => partition.File);
        var empty = new HashSet<uint>();
        var others = now.Partitions.Where(partition => partition.File != 0 && before.GetValueOrDefault(partition.Oid) != partition.File);
        foreach (var partition in others)
        {
            var size = await catalog.QueryAsync("SELECT pg_relation_size($1::int8::oid::regclass)", cancellationToken, (long)partition.Oid);
            if (size is [[0L]])
                empty.Add(partition.Oid);
        }
        return empty;
    }

    /// <summary>What is explained, and means nothing any more.</summary>
    private void Amend(TableMapping table, TableForm then, TableForm now, IReadOnlySet<uint> empty, ChangeBatch batch)
    {
        if (then.Oid != now.Oid)
            return;
        if (then.File != now.File && guard.Explains(table, now)
            && ledger.Amend(table, form => form with { File = now.File }) is { } truncated)
            batch.Record(truncated);
        // The message says that a table was made as a partition, the catalog what it is. One that is empty when it is seen first brings all
        // its rows by events.
        var known = then.Partitions.Where(partition => partition.Joined.Length > 0).ToDictionary(partition => partition.Oid);
        var made = now.Partitions.Where(partition => !known.ContainsKey(partition.Oid)
            && (empty.Contains(partition.Oid) || partition.File == 0 || then.Partitions.Any(told => told.Oid == partition.Oid))).ToList();
        if (made.Count > 0 && ledger.Amend(table, form => form with { Partitions = [.. known.Values, .. made] }) is { } completed)
            batch.Record(completed);
    }

    private bool HasPassed(TableMapping table, string what, ulong end)
    {
        var key = (table.Source, what);
        var (seen, looks) = _seen[key] = _seen.TryGetValue(key, out var known) ? (known.Seen, known.Looks + 1) : (end, 1);
        return guard.Passed >= seen || (looks > PatientLooks && guard.Passed + Page >= seen);
    }
}
