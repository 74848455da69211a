using Npgsql;

namespace AspireCdc.ClickHouseMigrator.Discovery;

/// <summary>Reads a database's tables from <c>pg_catalog</c>.</summary>
internal sealed class Catalog(NpgsqlConnection connection)
{
    /// <summary>The tables that an application may have made, partitions left to their roots.</summary>
    /// <param name="schema">Only those of this schema; null for all.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<IReadOnlyList<FoundTable>> ReadTablesAsync(string? schema, CancellationToken cancellationToken)
    {
        var columns = (await ReadColumnsAsync(cancellationToken)).ToLookup(column => column.Table, column => column.Column);
        var keys = (await ReadKeysAsync(cancellationToken)).ToLookup(key => key.Table, key => key.Key);
        var references = (await ReadReferencesAsync(cancellationToken))
            .ToLookup(reference => reference.Table, reference => reference.Reference);
        var tables = await ReadAsync(
            """
            SELECT c.oid, n.nspname, c.relname, c.relkind = 'p', c.relpersistence = 'u', c.relreplident::text
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence != 't'
                AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'
                AND ($1 IS NULL OR n.nspname = $1)
                AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
            ORDER BY n.nspname != 'public', n.nspname COLLATE "C", c.relname COLLATE "C"
            """,
            row => (Id: row.GetFieldValue<uint>(0), Schema: row.GetString(1), Name: row.GetString(2), IsPartitioned: row.GetBoolean(3),
                IsUnlogged: row.GetBoolean(4), Identity: row.GetString(5)[0]),
            cancellationToken,
            new NpgsqlParameter { Value = (object?)schema ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text });
        return [.. tables.Select(table => new FoundTable(
            table.Schema, table.Name, table.IsPartitioned, table.IsUnlogged, table.Identity, [.. columns[table.Id]], [.. keys[table.Id]],
            [.. references[table.Id]]))];
    }

    /// <summary>A domain is resolved to what it is made of, however many domains there are between.</summary>
    private Task<List<(uint Table, FoundColumn Column)>> ReadColumnsAsync(CancellationToken cancellationToken) => ReadAsync(
        """
        WITH RECURSIVE base(attrelid, attnum, type, modifier) AS (
            SELECT attrelid, attnum, atttypid, atttypmod FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped
            UNION ALL
            SELECT b.attrelid, b.attnum, t.typbasetype, t.typtypmod FROM base b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd'
        )
        SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), format_type(b.type, b.modifier),
            coalesce(e.typtype, t.typtype)::text, a.attnotnull, a.attgenerated != ''
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
        JOIN base b USING (attrelid, attnum) JOIN pg_type t ON t.oid = b.type AND t.typtype != 'd'
            LEFT JOIN pg_type e ON t.typcategory = 'A' AND e.oid = t.typelem
        ORDER BY a.attrelid, a.attnum
        """,
        row => (row.GetFieldValue<uint>(0), new FoundColumn(
            row.GetString(1), row.GetString(2), row.GetString(3), row.GetString(4)[0], row.GetBoolean(5), row.GetBoolean(6))),
        cancellationToken);

    /// <summary>Unique indexes over plain columns, the primary key first; one that is checked at commit only is none.</summary>
    private Task<List<(uint Table, FoundKey Key)>> ReadKeysAsync(CancellationToken cancellationToken) => ReadAsync(
        """
        SELECT i.indrelid, i.indisprimary, i.indisreplident, array_agg(a.attname::text ORDER BY k.place), bool_and(a.attnotnull)
        FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY k(attnum, place)
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND 0 != ALL (i.indkey) AND k.place <= i.indnkeyatts
        GROUP BY i.indexrelid, i.indrelid, i.indisprimary, i.indisreplident
        ORDER BY i.indrelid, NOT i.indisprimary, NOT i.indisreplident, i.indexrelid
        """,
        row => (row.GetFieldValue<uint>(0),
            new FoundKey(row.GetBoolean(1), row.GetBoolean(2), row.GetFieldValue<string[]>(3), row.GetBoolean(4))), cancellationToken);

    private Task<List<(uint Table, FoundReference Reference)>> ReadReferencesAsync(CancellationToken cancellationToken) => ReadAsync(
        """
        SELECT f.conrelid, n.nspname, c.relname,
            (SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(f.conkey) WITH ORDINALITY k(attnum, place)
                JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum)
        FROM pg_constraint f JOIN pg_class c ON c.oid = f.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE f.contype = 'f' AND f.conparentid = 0 ORDER BY f.conrelid, f.conname
        """,
        row => (row.GetFieldValue<uint>(0), new FoundReference(row.GetString(1), row.GetString(2), row.GetFieldValue<string[]>(3))),
        cancellationToken);

    /// <summary>All rows of a query.</summary>
    internal async Task<List<T>> ReadAsync<T>(
        string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken, params NpgsqlParameter[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken))
            rows.Add(read(reader));
        return rows;
    }
}

/// <summary>A table as the database has it.</summary>
/// <param name="Schema">Its schema.</param>
/// <param name="Name">Its name.</param>
/// <param name="IsPartitioned">Its rows are in partitions.</param>
/// <param name="IsUnlogged">It is not in the WAL.</param>
/// <param name="Identity">
/// <c>pg_class.relreplident</c>: d for the primary key, i for another index, f for all columns, n for nothing.
/// </param>
/// <param name="Columns">Its columns, in order.</param>
/// <param name="Keys">Its unique indexes, the primary key first.</param>
/// <param name="References">Its foreign keys.</param>
internal sealed record FoundTable(
    string Schema, string Name, bool IsPartitioned, bool IsUnlogged, char Identity, IReadOnlyList<FoundColumn> Columns,
    IReadOnlyList<FoundKey> Keys, IReadOnlyList<FoundReference> References)
{
    /// <summary>As a model's table is known.</summary>
    public string Source => Schema == "public" ? Name : $"{Schema}.{Name}";
}

/// <summary>A column as the database has it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type.</param>
/// <param name="Base">Of a domain, the type that it is made of; else the same.</param>
/// <param name="Kind"><c>pg_type.typtype</c> of the base, of an array its elements'.</param>
/// <param name="IsNotNull">It takes no NULL.</param>
/// <param name="IsGenerated">The database computes it.</param>
internal sealed record FoundColumn(string Name, string Type, string Base, char Kind, bool IsNotNull, bool IsGenerated);

/// <summary>A unique index.</summary>
/// <param name="IsPrimary">The primary key's.</param>
/// <param name="IsIdentity">The one that <c>REPLICA IDENTITY USING INDEX</c> names.</param>
/// <param name="Columns">Its columns.</param>
/// <param name="IsNotNull">None of them takes NULL.</param>
internal sealed record FoundKey(bool IsPrimary, bool IsIdentity, IReadOnlyList<string> Columns, bool IsNotNull);

/// <summary>A foreign key.</summary>
/// <param name="Schema">The other table's schema.</param>
/// <param name="Name">The other table's name.</param>
/// <param name="Columns">The columns that point.</param>
internal sealed record FoundReference(string Schema, string Name, IReadOnlyList<string> Columns);
