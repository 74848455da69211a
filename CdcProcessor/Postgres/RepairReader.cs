using System.Globalization;
using System.Text;
using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// Reads the rows that somebody has found to differ, where the stream comes by the marker that asks for them: what was committed before it
/// can be seen, and what was committed after it follows in the stream. So the row may land at the marker's position, like any change, and
/// behind Kafka go out in the topic's order.
/// </summary>
internal sealed class RepairReader(PostgresCatalog catalog, TimeProvider time)
{
    /// <summary>
    /// The stream stands still for so long at most; after that the row is left as it is, and the next comparison finds it again.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public async Task FillAsync(StreamBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Repairs.Count == 0 || !await RunningTransactions.WaitAsync(AskAsync, Patience, time, cancellationToken))
            return;

        foreach (var table in batch.Repairs.GroupBy(index => batch.Changes.Changes[index].Relation.Table).ToList())
        {
            var relation = await catalog.DescribeAsync(table.Key, cancellationToken);
            // What a table does not have any more, no reading brings back; the row stays as it is.
            if (relation.Positions.All(position => position >= 0))
                await FillAsync(batch.Changes, relation, [.. table], cancellationToken);
        }
    }

    private async Task FillAsync(ChangeBatch batch, Relation relation, int[] changes, CancellationToken cancellationToken)
    {
        var keys = relation.Table.Key.Select(column => changes.Select(change => TextOf(batch, batch.Changes[change], column)).ToArray())
            .ToArray();
        var rows = await new KeyedRows(catalog).ReadAsync(
            batch, relation, keys, [.. Enumerable.Range(0, relation.Columns.Count)], cancellationToken);
        for (var i = 0; i < changes.Length; i++)
        {
            var change = batch.Changes[changes[i]] with { Relation = relation, Bound = 0 };
            if (rows.TryGetValue(i, out var found))
            {
                batch.Replace(changes[i], change with { Operation = ChangeOperation.Insert, New = found });
                continue;
            }

            var row = batch.AddRow(relation.Columns.Count);
            foreach (var (column, place) in relation.Table.Key.Select((column, place) => (column, place)))
                batch.SetText(row, relation.Positions[column], Encoding.UTF8.GetBytes(keys[place][i]));
            batch.Replace(changes[i], change with { Operation = ChangeOperation.Delete, Old = row, New = RowRef.None });
        }
    }

    private static string TextOf(ChangeBatch batch, in Change change, int column) =>
        Encoding.UTF8.GetString(batch.Text(change.New, change.Relation.Positions[column]));

    private async Task<string?> AskAsync(string sql, CancellationToken cancellationToken) =>
        Convert.ToString((await catalog.QueryAsync(sql, cancellationToken))[0][0], CultureInfo.InvariantCulture);
}
