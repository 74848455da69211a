using System.Buffers;
using System.Globalization;
using System.Text;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// Completes the updates behind Redpanda Connect that lack a column, since PostgreSQL did not send its unchanged TOAST value. Only what is
/// certain is filled: from a row that is live, older than the update and without an open dead letter in between, for that row is then the
/// one before it. An update that landing has already, or has a newer row for, is only derived again: a crash may have come between.
/// Whatever is left becomes a dead letter.
/// </summary>
/// <remarks>No batch holds such an update together with an earlier change of its key; its source sees to that.</remarks>
internal sealed class AbsentColumns(ClickHouseClient client)
{
    public async Task FillAsync(ChangeBatch batch, CancellationToken cancellationToken)
    {
        foreach (var table in Incomplete(batch).GroupBy(index => batch.Changes[index].Relation.Table).ToList())
        {
            var keys = table.ToLookup(index => Key(batch, batch.Changes[index]));
            var rows = await NewestAsync(table.Key, [.. keys.Select(key => key.Key)], cancellationToken);
            var open =
                await OpenLettersAsync(table.Key, [.. table.Select(index => LetterKey(batch, batch.Changes[index]))], cancellationToken);
            foreach (var index in table)
                Fill(batch, index, rows.GetValueOrDefault(Key(batch, batch.Changes[index])), open);
        }
    }

    private static IEnumerable<int> Incomplete(ChangeBatch batch)
    {
        for (var i = 0; i < batch.Count; i++)
        {
            if (batch.Changes[i] is { Operation: ChangeOperation.Update, Partition: >= 0 } change && IsIncomplete(batch, change))
                yield return i;
        }
    }

    private static bool IsIncomplete(ChangeBatch batch, Change change) =>
        change.Relation.Positions.Any(position => position >= 0 && batch.Kind(change.New, position) == ValueKind.Unchanged)
        && change.Relation.Table.Key.All(key => change.Relation.Table.Columns[key].Type.TryWrite(
            batch.Text(change.New, change.Relation.Positions[key]), new ArrayBufferWriter<byte>()));

    private static void Fill(ChangeBatch batch, int index, NewestRow? newest, ILookup<string, UInt128> open)
    {
        var change = batch.Changes[index];
        if (newest?.Version >= change.Version)
        {
            batch.Replace(index, change with { Operation = ChangeOperation.Derive, Old = RowRef.None, Bound = change.Version });
            return;
        }
        if (newest is not { IsDeleted: false } || open[LetterKey(batch, change)].Any(version => version < change.Version))
            return;

        for (var i = 0; i < newest.Values.Length; i++)
        {
            var position = change.Relation.Positions[i];
            if (position < 0 || batch.Kind(change.New, position) != ValueKind.Unchanged)
                continue;
            if (newest.Values[i] is { } value)
                batch.SetText(change.New, position, Encoding.UTF8.GetBytes(value));
            else
                batch.SetNull(change.New, position);
        }
    }

    private async Task<Dictionary<string, NewestRow>> NewestAsync(
        TableMapping table, IReadOnlyCollection<string> keys, CancellationToken cancellationToken)
    {
        var columns = string.Join(", ", table.Columns.Select(column => column.Type.AsText(ClickHouseSql.Name(column.Landing))));
        var key = string.Join(", ", table.Key.Select(column => ClickHouseSql.Name(table.Columns[column].Landing)));
        var rows = await client.QueryAsync(
            $"SELECT version, is_deleted, {columns} FROM {ClickHouseSql.Name(table.Landing)} WHERE ({key}) IN " +
            $"({string.Join(", ", keys)}) ORDER BY version DESC LIMIT 1 BY {key}", cancellationToken);
        return rows.ToDictionary(
            row => table.KeyLiteral([.. table.Key.Select(column => row[2 + column])]),
            row => new NewestRow(UInt128.Parse(row[0]!, CultureInfo.InvariantCulture), row[1] != "0", row[2..]));
    }

    private async Task<ILookup<string, UInt128>> OpenLettersAsync(
        TableMapping table, IReadOnlyCollection<string> keys, CancellationToken cancellationToken)
    {
        var rows = await client.QueryAsync(
            $"SELECT key, change_version FROM {DeadLetterTable.Name} FINAL WHERE state = 'open' AND source_table = " +
            $"{ClickHouseSql.Quote(table.Source)} AND key IN ({string.Join(", ", keys.Select(ClickHouseSql.Quote))})",
            cancellationToken);
        return rows.ToLookup(row => row[0]!, row => UInt128.Parse(row[1]!, CultureInfo.InvariantCulture));
    }

    private static string Key(ChangeBatch batch, Change change) =>
        change.Relation.Table.KeyLiteral(KeyText.Of(batch, change.Relation, change.New));

    /// <summary>As dead letters name it.</summary>
    private static string LetterKey(ChangeBatch batch, Change change) =>
        KeyText.Join(KeyText.Of(batch, change.Relation, change.New));

    private sealed record NewestRow(UInt128 Version, bool IsDeleted, string?[] Values);
}
