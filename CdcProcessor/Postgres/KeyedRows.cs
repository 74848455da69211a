using System.Data;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.Postgres;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>Reads rows of a table by their keys, as the stream would print them.</summary>
internal sealed class KeyedRows(PostgresCatalog catalog)
{
    /// <summary>The real types of a table's columns, with their modifiers: <c>character</c> alone would be one character.</summary>
    public async Task<Dictionary<string, string>> TypesAsync(Relation relation, CancellationToken cancellationToken) =>
        (await catalog.QueryAsync(
            "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = " +
            "to_regclass($1) AND attnum > 0 AND NOT attisdropped",
            cancellationToken, PostgresSql.Name(relation.Table)))
        .ToDictionary(row => (string)row[0]!, row => (string)row[1]!);

    /// <summary>
    /// Appends each row that is there to the batch, with the texts of the wanted columns in their order. They go from the connection into
    /// the batch without another copy of them: a row may be as large as the memory allows.
    /// </summary>
    /// <param name="batch">Where the rows go.</param>
    /// <param name="relation">The table.</param>
    /// <param name="keys">For each column of the key the values' texts, all of one length.</param>
    /// <param name="columns">The wanted columns, as places in the relation.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The rows by the place of their key.</returns>
    public async Task<IReadOnlyDictionary<int, RowRef>> ReadAsync(
        ChangeBatch batch, Relation relation, IReadOnlyList<string[]> keys, int[] columns, CancellationToken cancellationToken)
    {
        var types = await TypesAsync(relation, cancellationToken);
        var key = relation.Table.Key.Select(column => relation.Columns[relation.Positions[column]].Name).ToArray();
        var wanted = string.Join(", ", key.Select((column, i) => $"${i + 1}::text[]::{types[column]}[]"));
        var match = string.Join(" AND ", key.Select((column, i) => $"t.{PostgresSql.Name(column)} = k.k{i}"));
        // format() prints a value as the stream does, which a cast to text does not for every type. IS NOT NULL is false of a composite
        // with a NULL inside.
        var values = string.Concat(columns.Select(column =>
        {
            var name = $"t.{PostgresSql.Name(relation.Columns[column].Name)}";
            return $", CASE WHEN num_nulls({name}) = 0 THEN format('%s', {name}) END";
        }));
        var sql = $"""
            SELECT k.place{values}
            FROM unnest({wanted}) WITH ORDINALITY AS k({string.Concat(key.Select((_, i) => $"k{i}, "))}place)
            JOIN {PostgresSql.Name(relation.Table)} t ON {match}
            """;
        var rows = new Dictionary<int, RowRef>();
        await using var command = catalog.CreateCommand(sql, keys);
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var place = (int)reader.GetInt64(0) - 1;
            var row = batch.AddRow(columns.Length);
            for (var i = 0; i < columns.Length; i++)
            {
                if (await reader.IsDBNullAsync(i + 1, cancellationToken))
                {
                    batch.SetNull(row, i);
                    continue;
                }
                await using var text = reader.GetStream(i + 1);
                await batch.SetTextAsync(row, i, text, cancellationToken);
            }
            rows.Add(place, row);
        }
        return rows;
    }
}
