using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.Postgres;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>Reads rows of a table by their keys, as the stream would print them.</summary>
internal sealed class KeyedRows(PostgresCatalog catalog)
{
    /// <summary>The real types of a table's columns, with their modifiers: <c>character</c> alone would be one character.</summary>
    public async Task<Dictionary<string, string>> TypesAsync(Relation relation, CancellationToken cancellationToken) =>
        (await catalog.QueryAsync(
            "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
            cancellationToken, PostgresSql.Name(relation.Table)))
        .ToDictionary(row => (string)row[0]!, row => (string)row[1]!);

    /// <summary>
    /// Of each row that is there: the place of its key, from 1 on (<see cref="long"/>), and the texts of the columns, null for NULL.
    /// </summary>
    /// <param name="relation">The table.</param>
    /// <param name="keys">For each column of the key the values' texts, all of one length.</param>
    /// <param name="columns">The wanted columns, as places in the relation.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<IReadOnlyList<object?[]>> ReadAsync(
        Relation relation, IReadOnlyList<string[]> keys, int[] columns, CancellationToken cancellationToken)
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
        return await catalog.QueryAsync(sql, cancellationToken, keys);
    }
}
