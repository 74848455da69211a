using AspireCdc.Star.Model;
using AspireCdc.Star.Types;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using Npgsql;

namespace AspireCdc.Tests.Types;

/// <summary>Tables that a test has made in PostgreSQL, mirrored by the types that they have there.</summary>
internal static class RealTables
{
    /// <summary>Makes the chosen tables the store's model, and their landing tables.</summary>
    /// <param name="store">The pair.</param>
    /// <param name="which">A condition on <c>pg_class c</c>.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task MirrorAsync(Store store, string which, CancellationToken cancellationToken)
    {
        var tables = await ReadAsync(store, which, cancellationToken);
        store.Model = new StarModel(tables, []);
        foreach (var table in tables)
        {
            var columns = table.Columns.Select(column => $"{column.Landing} {column.Type}")
                .Concat(SystemColumns.Landing.Zip(SystemColumns.LandingTypes, (name, type) => $"{name} {type}"));
            await store.QueryAsync(
                $"CREATE TABLE {table.Landing} ({string.Join(", ", columns)}) ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY " +
                $"({string.Join(", ", table.KeyColumns)})", cancellationToken);
        }
    }

    private static async Task<IReadOnlyList<TableMapping>> ReadAsync(Store store, string which, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(store.Postgres.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            $"""
            SELECT c.relname::text, a.attname::text, format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype
                ELSE a.atttypid END, CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END),
                coalesce(e.typtype, t.typtype)::text, a.attnotnull, coalesce(a.attnum = ANY(i.indkey), false)
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
                LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
                    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
            WHERE {which} AND c.relkind = 'r' AND a.attnum > 0 ORDER BY c.relname, a.attnum
            """, connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var columns = new List<(string Table, ColumnMapping Column)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            var kind = reader.GetString(3) switch
            {
                "e" => PostgresKind.Enum,
                "c" => PostgresKind.Composite,
                "r" or "m" => PostgresKind.Range,
                _ => PostgresKind.Base
            };
            var (name, type) = (reader.GetString(1), reader.GetString(2));
            var choice = PostgresTypes.For(new PostgresType(type, kind), isNullable: !reader.GetBoolean(4), isCategory: false, asked: null);
            columns.Add((reader.GetString(0), new ColumnMapping(
                name, type, name, choice.Type ?? throw new InvalidOperationException($"{type} {choice.Refusal}"), reader.GetBoolean(5))));
        }
        return [.. columns.GroupBy(column => column.Table)
            .Select(table => Mapped.Table(table.Key, [.. table.Select(column => column.Column)]))];
    }
}
