using System.Globalization;
using System.Text;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.Postgres.Watch;
using Npgsql;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// Fills unchanged TOAST values that a change did not carry. They are read from PostgreSQL under the new key, never from what has landed: that may be of another row
/// since a key change, or miss what became a dead letter. A value that is newer than its change is no harm, since the change that made it follows.
/// </summary>
internal sealed class ToastReader(PostgresCatalog catalog, TableLedger ledger, TimeProvider time)
{
    private const string UndefinedTable = "42P01";

    public async Task FillAsync(StreamBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Incomplete.Count == 0)
            return;

        await WaitUntilVisibleAsync(batch.Incomplete.Select(change => change.Transaction).Distinct(), cancellationToken);

        var gone = new List<int>();
        foreach (var group in batch.Incomplete.GroupBy(change => batch.Changes.Changes[change.Index].Relation))
            gone.AddRange(await FillAsync(batch.Changes, group.Key, [.. group.Select(change => change.Index)], cancellationToken));

        // From the last to the first, so that indexes stay good.
        foreach (var index in gone.OrderDescending())
            Delete(batch.Changes, index);
    }

    /// <summary>A commit reaches the stream before it is visible, above all with a synchronous standby.</summary>
    private async Task WaitUntilVisibleAsync(IEnumerable<uint> transactions, CancellationToken cancellationToken)
    {
        var next = ulong.Parse((string)(await catalog.QueryAsync("SELECT pg_snapshot_xmax(pg_current_snapshot())::text", cancellationToken))[0][0]!, CultureInfo.InvariantCulture);
        foreach (var transaction in transactions)
        {
            // The stream has the lower half only.
            var full = (next & ~(ulong)uint.MaxValue) | transaction;
            if (full > next)
                full -= 1UL << 32;

            var pause = TimeSpan.FromMilliseconds(1);
            while ((await catalog.QueryAsync("SELECT pg_xact_status($1::text::xid8)", cancellationToken, full.ToString(CultureInfo.InvariantCulture)))[0][0] is "in progress")
            {
                // Nothing signals the end of another's transaction.
                await Task.Delay(pause, time, cancellationToken);
                pause = TimeSpan.FromMilliseconds(Math.Min(pause.TotalMilliseconds * 2, 100));
            }
        }
    }

    /// <summary>Returns the changes whose row is not there any more.</summary>
    private async Task<IReadOnlyList<int>> FillAsync(ChangeBatch batch, Relation relation, int[] changes, CancellationToken cancellationToken)
    {
        var key = relation.Table.Key.Select(column => relation.Positions[column]).ToArray();
        var columns = Enumerable.Range(0, relation.Columns.Count).Where(column => changes.Any(change => batch.Kind(batch.Changes[change].New, column) == ValueKind.Unchanged)).ToArray();
        var types = await TypesAsync(relation, cancellationToken);
        Refuse(batch, relation, changes, columns, types);
        // A column that was dropped since has no value to read.
        columns = [.. columns.Where(column => types.ContainsKey(relation.Columns[column].Name))];

        var rows = types.Count == 0 ? [] : await ReadAsync(batch, relation, changes, key, columns, types, cancellationToken);
        var found = new bool[changes.Length];
        foreach (var row in rows)
        {
            var place = (int)(long)row[0]! - 1;
            found[place] = true;
            var target = batch.Changes[changes[place]].New;
            for (var i = 0; i < target.Count; i++)
            {
                if (batch.Kind(target, i) != ValueKind.Unchanged)
                    continue;
                if (Array.IndexOf(columns, i) is >= 0 and var read && row[read + 1] is string text)
                    batch.SetText(target, i, Encoding.UTF8.GetBytes(text));
                else
                    batch.SetNull(target, i);
            }
        }
        return [.. changes.Where((_, i) => !found[i])];
    }

    /// <summary>What cannot be read any more is no NULL, and a table that has another name has not lost its rows: only a copy above the change makes that good.</summary>
    private void Refuse(ChangeBatch batch, Relation relation, int[] changes, int[] columns, Dictionary<string, string> types)
    {
        var missing = columns.Select(column => relation.Columns[column].Name)
            .Where(name => !types.ContainsKey(name) && relation.Table.Columns.Any(column => column.Source == name)).ToList();
        if (missing.Count == 0 || changes.All(change => ledger.IsCovered(relation.Table, batch.Changes[change].Lsn)))
            return;
        throw new NotReadyException(
            $"A change of {relation.Table.Source} left out {string.Join(", ", missing)} as unchanged, and {(types.Count == 0 ? "there is no such table" : "the table has no such column")} to read it from now: give it its name back, or take it out of the model. Nothing beyond that change is acknowledged.");
    }

    private async Task<IReadOnlyList<object?[]>> ReadAsync(
        ChangeBatch batch, Relation relation, int[] changes, int[] key, int[] columns, Dictionary<string, string> types, CancellationToken cancellationToken)
    {
        // With their modifiers: "character" alone would be one character.
        var wanted = string.Join(", ", key.Select((column, i) => $"${i + 1}::text[]::{types[relation.Columns[column].Name]}[]"));
        var match = string.Join(" AND ", key.Select((column, i) => $"t.{PostgresCatalog.Quote(relation.Columns[column].Name)} = k.k{i}"));
        // format() prints a value as the stream does, which a cast to text does not for every type. IS NOT NULL is false of a composite with a NULL inside.
        var values = string.Concat(columns.Select(column =>
        {
            var name = $"t.{PostgresCatalog.Quote(relation.Columns[column].Name)}";
            return $", CASE WHEN num_nulls({name}) = 0 THEN format('%s', {name}) END";
        }));
        var sql = $"""
            SELECT k.place{values}
            FROM unnest({wanted}) WITH ORDINALITY AS k({string.Concat(key.Select((_, i) => $"k{i}, "))}place)
            JOIN {PostgresCatalog.QualifiedName(relation.Table)} t ON {match}
            """;
        var parameters = key.Select(column => (object)changes.Select(change => Encoding.UTF8.GetString(batch.Text(batch.Changes[change].New, column))).ToArray());
        try
        {
            return await catalog.QueryAsync(sql, cancellationToken, parameters);
        }
        catch (PostgresException e) when (e.SqlState == UndefinedTable)
        {
            return [];
        }
    }

    private async Task<Dictionary<string, string>> TypesAsync(Relation relation, CancellationToken cancellationToken) =>
        (await catalog.QueryAsync(
            "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
            cancellationToken, PostgresCatalog.QualifiedName(relation.Table)))
        .ToDictionary(row => (string)row[0]!, row => (string)row[1]!);

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
