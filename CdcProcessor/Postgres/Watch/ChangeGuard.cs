using System.Collections.Concurrent;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;

namespace AspireCdc.CdcProcessor.Postgres.Watch;

/// <summary>
/// Looks at each batch of the stream before it goes to the sink. A change whose relation lacks a mapped column, has another type for it, or
/// is of another table than was copied, may land only where a copy comes above it: one that is under way, or one that is asked for here,
/// since the table can be copied now. Otherwise the stream ends before that change: nothing that was skipped is acknowledged, and no
/// default lands over a good value.
/// </summary>
internal sealed class ChangeGuard(PostgresCatalog catalog, TableForms forms, TableLedger ledger, CdcOptions options, Action lookNow)
{
    private const string TruncatedPartition = "has a partition that was truncated, and its rows have no events";
    private const string Rewritten = "was rewritten by ALTER TABLE, and its rows have no events";

    private readonly ConcurrentDictionary<string, uint> _truncatedBy = [];
    private ulong _passed;

    /// <summary>What has passed: the end of the last whole commit.</summary>
    public ulong Passed => Volatile.Read(ref _passed);

    /// <summary>The stream begins here.</summary>
    public void Begin(ulong position) => Volatile.Write(ref _passed, position);

    /// <summary>The stream has brought the TRUNCATE that gave a table its present file.</summary>
    public bool Explains(TableMapping table, TableForm now) =>
        _truncatedBy.TryGetValue(table.Source, out var transaction) && transaction == now.Changed;

    /// <summary>Lets a batch pass, or what of it may; the reason why the rest may not, null if all may.</summary>
    public async Task<Exception?> PassAsync(StreamBatch batch, CancellationToken cancellationToken)
    {
        HearOfSchema(batch);
        foreach (var (relation, transaction) in batch.Truncates)
            _truncatedBy[relation.Table.Source] = transaction;
        var now = default(IReadOnlyDictionary<string, TableForm>);
        var due = new Dictionary<TableMapping, ulong>();
        var dropped = new HashSet<int>();
        var misfits = new HashSet<Relation>();
        var refusal = default(Exception);
        for (var i = 0; i < batch.Changes.Count && refusal is null; i++)
        {
            var change = batch.Changes.Changes[i];
            var (relation, table) = (change.Relation, change.Relation.Table);
            if (change.Operation == ChangeOperation.Derive)
            {
                // Of a copy that is not recorded (it begins anew then), or that never was: its end would clear what no copy has brought.
                if (!change.New.Exists && !ledger.End(table, (ulong)(change.Bound >> 64)))
                    dropped.Add(i);
            }
            else if (change.Operation == ChangeOperation.Truncate && ledger.IsPartition(relation.Oid))
            {
                // It must not clear the whole table.
                dropped.Add(i);
                if (!ledger.IsCovered(table, change.Lsn))
                    Due(batch, table, change.Lsn, TruncatedPartition);
            }
            else if (misfits.Contains(relation) && !ledger.IsCovered(table, change.Lsn))
            {
                due[table] = change.Lsn;
            }
            else if (!ledger.Fits(relation) && !ledger.IsCovered(table, change.Lsn))
            {
                now ??= await forms.NowAsync(cancellationToken);
                try
                {
                    if (await MisfitOfAsync(relation, change.Lsn, now, cancellationToken) is { } misfit)
                    {
                        ledger.Ask(table, misfit);
                        due[table] = change.Lsn;
                        // The catalog is asked once of what may be a million changes.
                        misfits.Add(relation);
                    }
                    else if (!ledger.Fits(relation))
                    {
                        dropped.Add(i);
                    }
                }
                catch (Exception e) when (e is NotReadyException or ResyncRequiredException)
                {
                    refusal = e;
                    batch.CutAt(i);
                }
            }
        }
        batch.Remove(dropped);
        foreach (var (table, commit) in due)
            batch.Changes.Record(new TableCopy(table.Source, CopyState.Requested, commit, table.Fingerprint));
        if (batch.Changes.Ends is [.., var end])
            Volatile.Write(ref _passed, end.Position);
        return refusal;
    }

    /// <summary>
    /// Why a relation's changes need a copy above them; null if they need none, since they bring the same values (it fits from now on), or
    /// are those of a table that had the name before.
    /// </summary>
    private async Task<string?> MisfitOfAsync(
        Relation relation, ulong commit, IReadOnlyDictionary<string, TableForm> forms, CancellationToken cancellationToken)
    {
        var table = relation.Table;
        var missing = table.Columns.Where((_, i) => relation.Positions[i] < 0).Select(column => column.Source).ToList();
        var what = missing.Count > 0 ? $"lacks {string.Join(", ", missing)}" : "is not of the table, or not of the types, that were copied";
        var change = $"A change of {table.Source} at {Lsn.Format(commit)} {what}";
        const string Kept = "Nothing beyond that change is acknowledged.";
        if (!forms.TryGetValue(table.Source, out var now))
            throw new NotReadyException(
                $"{change}, and there is no such table now: give it its name back, or take it out of the model. {Kept}");

        var form = ledger.FormOf(table);
        if (form?.Oid == now.Oid && relation.Oid != now.Oid && form.Partitions.All(partition => partition.Oid != relation.Oid))
            return null;
        var faults = (await catalog.FaultsAsync(cancellationToken)).Where(fault => fault.Withholds(table)).ToList();
        if (faults.Count > 0)
            throw new NotReadyException(
                $"{change}, and no copy can bring its value: {string.Join("; ", faults.Select(fault => fault.What))}. {Kept}");

        if (missing.Count == 0 && form?.Oid == now.Oid && form.Files == now.Files
            && await BringsSameValuesAsync(relation, form, cancellationToken))
        {
            ledger.Admit(relation);
            return null;
        }
        if (!options.IsCopiedByHand(table))
        {
            return missing.Count > 0 ? $"had no {string.Join(", ", missing)} for a while"
                : relation.Oid != form?.Oid ? "is another table now" : "has other types now";
        }
        if (missing.Count > 0)
            throw new ResyncRequiredException(
                $"{change}, and {table.Source} is among Cdc:CopyByHand: run 'CdcProcessor resync {table.Source}'. {Kept}");
        ledger.Admit(relation);
        return null;
    }

    /// <summary>The types are others, and no row was rewritten: what comes lands as what was copied did.</summary>
    private async Task<bool> BringsSameValuesAsync(Relation relation, TableForm copied, CancellationToken cancellationToken)
    {
        for (var i = 0; i < relation.Table.Columns.Count; i++)
        {
            var sent = relation.Columns[relation.Positions[i]];
            var rows = await catalog.QueryAsync(
                "SELECT format_type($1::int8::oid, $2)", cancellationToken, (long)sent.TypeOid, sent.Modifier);
            if (copied.Column(relation.Table.Columns[i].Source) is not { } was || !PostgresTypes.LandAlike(was.Text, (string)rows[0][0]!))
                return false;
        }
        return true;
    }

    /// <summary>What the triggers say, in the order of the rows.</summary>
    private void HearOfSchema(StreamBatch batch)
    {
        foreach (var (message, commit) in batch.SchemaChanges)
        {
            lookNow();
            if (ledger.ByIdentity(message.Oid) is not { } table || ledger.IsCovered(table, commit))
                continue;

            if (message.RewritesValues)
                Due(batch, table, commit, Rewritten);
            else if (message.MakesPartition && ledger.Amend(table, form => WithPartition(form, message.Partition)) is { } made)
                batch.Changes.Record(made);
        }
    }

    /// <summary>A table is to be copied anew, or is known to be wrong until somebody has it copied.</summary>
    private void Due(StreamBatch batch, TableMapping table, ulong commit, string why)
    {
        if (!options.IsCopiedByHand(table))
        {
            ledger.Ask(table, why);
            batch.Changes.Record(new TableCopy(table.Source, CopyState.Requested, commit, table.Fingerprint));
        }
        else if (ledger.Amend(table, form => form with { Stale = why }) is { } stale)
        {
            batch.Changes.Record(stale);
        }
    }

    // Its file and when it joined are taken from the catalog when that is looked at next.
    private static TableForm WithPartition(TableForm form, uint oid) => form.Partitions.Any(partition => partition.Oid == oid)
        ? form : form with { Partitions = [.. form.Partitions, new FormPartition(oid, "", 0, "")] };
}
