using System.Globalization;
using System.Text;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.Postgres.Watch;
using Npgsql;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// Fills unchanged TOAST values that a change did not carry. They are read from PostgreSQL under the new key, never from what has landed:
/// that may be of another row since a key change, or miss what became a dead letter. A value that is newer than its change is no harm,
/// since the change that made it follows.
/// </summary>
/// <param name="catalog">Where the values are read.</param>
/// <param name="ledger">What copies cover.</param>
/// <param name="batchBytes">What a batch is to hold.</param>
/// <param name="time">The clock.</param>
internal sealed class ToastReader(PostgresCatalog catalog, TableLedger ledger, int batchBytes, TimeProvider time)
{
    private const string UndefinedTable = "42P01";

    private const int MostAtOnce = 10_000;

    private static readonly IReadOnlyDictionary<int, RowRef> NoRows = new Dictionary<int, RowRef>();

    private readonly KeyedRows _rows = new(catalog);
    private int _readAtOnce = 64;

    /// <summary>
    /// How many changes that lack values a batch may have, so that with them it is not much larger than a batch is to be: few at first,
    /// then by the size of those that were read last.
    /// </summary>
    public int ReadAtOnce => Volatile.Read(ref _readAtOnce);

    public async Task FillAsync(StreamBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Incomplete.Count == 0)
            return;

        var before = batch.Changes.Size;
        await WaitUntilVisibleAsync(batch.Incomplete.Select(change => change.Transaction).Distinct(), cancellationToken);

        var gone = new List<int>();
        foreach (var group in batch.Incomplete.GroupBy(change => batch.Changes.Changes[change.Index].Relation))
            gone.AddRange(await FillAsync(batch.Changes, group.Key, [.. group.Select(change => change.Index)], cancellationToken));

        var each = Math.Max(1, (batch.Changes.Size - before) / batch.Incomplete.Count);
        Volatile.Write(ref _readAtOnce, (int)Math.Clamp(batchBytes / each, 1, Math.Min(MostAtOnce, 4L * _readAtOnce)));

        // From the last to the first, so that indexes stay good.
        foreach (var index in gone.OrderDescending())
            Delete(batch.Changes, index);
    }

    /// <summary>A commit reaches the stream before it is visible, above all with a synchronous standby.</summary>
    private async Task WaitUntilVisibleAsync(IEnumerable<uint> transactions, CancellationToken cancellationToken)
    {
        var next =
            ulong.Parse((string)(await catalog.QueryAsync(
                "SELECT pg_snapshot_xmax(pg_current_snapshot())::text", cancellationToken))[0][0]!, CultureInfo.InvariantCulture);
        foreach (var transaction in transactions)
        {
            // The stream has the lower half only.
            var full = (next & ~(ulong)uint.MaxValue) | transaction;
            if (full > next)
                full -= 1UL << 32;

            var pause = TimeSpan.FromMilliseconds(1);
            while ((await catalog.QueryAsync("SELECT pg_xact_status($1::text::xid8)", cancellationToken,
                full.ToString(CultureInfo.InvariantCulture)))[0][0] is "in progress")
            {
                // Nothing signals the end of another's transaction.
                await Task.Delay(pause, time, cancellationToken);
                pause = TimeSpan.FromMilliseconds(Math.Min(pause.TotalMilliseconds * 2, 100));
            }
        }
    }

    /// <summary>Returns the changes whose row is not there any more.</summary>
    private async Task<IReadOnlyList<int>> FillAsync(
        ChangeBatch batch, Relation relation, int[] changes, CancellationToken cancellationToken)
    {
        var columns = Enumerable.Range(0, relation.Columns.Count)
            .Where(column => changes.Any(change => batch.Kind(batch.Changes[change].New, column) == ValueKind.Unchanged)).ToArray();
        var types = await _rows.TypesAsync(relation, cancellationToken);
        Refuse(batch, relation, changes, columns, types);
        // A column that was dropped since has no value to read.
        columns = [.. columns.Where(column => types.ContainsKey(relation.Columns[column].Name))];

        var rows = types.Count == 0 ? NoRows : await ReadAsync(batch, relation, changes, columns, cancellationToken);
        foreach (var (place, row) in rows)
        {
            var target = batch.Changes[changes[place]].New;
            for (var i = 0; i < target.Count; i++)
            {
                if (batch.Kind(target, i) != ValueKind.Unchanged)
                    continue;
                if (Array.IndexOf(columns, i) is >= 0 and var read)
                    batch.SetFrom(target, i, row, read);
                else
                    batch.SetNull(target, i);
            }
        }
        return [.. changes.Where((_, i) => !rows.ContainsKey(i))];
    }

    /// <summary>
    /// What cannot be read any more is no NULL, and a table that has another name has not lost its rows: only a copy above the change makes
    /// that good.
    /// </summary>
    private void Refuse(ChangeBatch batch, Relation relation, int[] changes, int[] columns, Dictionary<string, string> types)
    {
        var missing = columns.Select(column => relation.Columns[column].Name)
            .Where(name => !types.ContainsKey(name) && relation.Table.Columns.Any(column => column.Source == name)).ToList();
        if (missing.Count == 0 || changes.All(change => ledger.IsCovered(relation.Table, batch.Changes[change].Lsn)))
            return;
        throw new NotReadyException(
            $"A change of {relation.Table.Source} left out {string.Join(", ", missing)} as unchanged, and " +
            $"{(types.Count == 0 ? "there is no such table" : "the table has no such column")} to read it from now: give it its name " +
            "back, or take it out of the model. Nothing beyond that change is acknowledged.");
    }

    private async Task<IReadOnlyDictionary<int, RowRef>> ReadAsync(
        ChangeBatch batch, Relation relation, int[] changes, int[] columns, CancellationToken cancellationToken)
    {
        var keys = relation.Table.Key.Select(column => changes.Select(
            change => Encoding.UTF8.GetString(batch.Text(batch.Changes[change].New, relation.Positions[column]))).ToArray());
        try
        {
            return await _rows.ReadAsync(batch, relation, [.. keys], columns, cancellationToken);
        }
        catch (PostgresException e) when (e.SqlState == UndefinedTable)
        {
            return NoRows;
        }
    }

    /// <summary>The row is gone, or has another key by now: a later change says so. Until then it is written as deleted.</summary>
    private static void Delete(ChangeBatch batch, int index)
    {
        var change = batch.Changes[index];
        var delete = change with { Operation = ChangeOperation.Delete, Old = change.New, New = RowRef.None };
        if (change.Old.Exists)
        {
            batch.Replace(index, delete with { Old = change.Old });
            batch.Insert(index + 1, delete);
        }
        else
        {
            batch.Replace(index, delete);
        }
    }
}
