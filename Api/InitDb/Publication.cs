using AspireCdc.Star.Model;
using AspireCdc.Star.Postgres;
using Npgsql;

namespace AspireCdc.Api.InitDb;

/// <summary>
/// The publication on exactly the mirrored tables and columns. It is changed by ALTER only: what is written while a publication is missing
/// is lost to its readers without a word.
/// </summary>
internal sealed class Publication(NpgsqlConnection connection, string name, bool appendOnly, IReadOnlyList<TableMapping> tables)
{
    private string Publish => appendOnly ? "insert" : "insert, update, delete, truncate";

    /// <summary>What makes the publications those of the model.</summary>
    public static async Task<IReadOnlyList<Repair>> FindRepairsAsync(
        NpgsqlConnection connection, string name, StarModel model, CancellationToken cancellation)
    {
        var repairs = new List<Repair>();
        foreach (var publication in Publications.Of(model, name))
            repairs.AddRange(await new Publication(connection, publication.Name, publication.AppendOnly, publication.Tables)
                .FindRepairsAsync(cancellation));
        return repairs;
    }

    private async Task<IReadOnlyList<Repair>> FindRepairsAsync(CancellationToken cancellation)
    {
        var wanted = await FindWantedAsync(cancellation);
        var list = string.Join(", ", wanted.Select(table => table.Sql));
        var viaRoot = wanted.Any(table => table.IsPartitioned);
        var publications = await connection.QueryAsync(
            "SELECT puballtables, pubinsert, pubupdate AND pubdelete AND pubtruncate, pubupdate OR pubdelete OR pubtruncate, pubviaroot " +
            "FROM pg_publication WHERE pubname = $1",
            row => (AllTables: row.GetBoolean(0), Changes: row.GetBoolean(1)
                && (appendOnly ? !row.GetBoolean(3) : row.GetBoolean(2)), ViaRoot: row.GetBoolean(4)), cancellation, name);
        if (publications is not [var found])
        {
            var with = $" WITH (publish = '{Publish}'{(viaRoot ? ", publish_via_partition_root = true" : "")})";
            return [new($"publication {name} is missing",
                $"CREATE PUBLICATION {PostgresSql.Name(name)} {(list.Length > 0 ? $"FOR TABLE {list}" : "")}{with}")];
        }
        if (found.AllTables)
            throw new InitDbException(
                $"publication {name} is FOR ALL TABLES, which ALTER cannot change: stop the processor, DROP PUBLICATION " +
                $"{PostgresSql.Name(name)}, run init-db again, then resync --all.");

        var repairs = new List<Repair>();
        if (!found.Changes)
        {
            var what = appendOnly ? "publishes more than inserts" : "leaves out some kind of change";
            repairs.Add(new($"publication {name} {what}", $"ALTER PUBLICATION {PostgresSql.Name(name)} SET (publish = '{Publish}')"));
        }
        if (viaRoot && !found.ViaRoot)
            repairs.Add(new($"publication {name} shows partitions in the place of their table",
                $"ALTER PUBLICATION {PostgresSql.Name(name)} SET (publish_via_partition_root = true)"));
        if (await FindDriftAsync(wanted, cancellation) is { } drift)
            repairs.Add(new($"publication {name}: {drift}", $"ALTER PUBLICATION {PostgresSql.Name(name)} SET TABLE {list}"));
        return repairs;
    }

    /// <summary>
    /// The model's tables as the database has them; columns that are not mirrored are left out of the publication, so that they never leave
    /// the server.
    /// </summary>
    private async Task<IReadOnlyList<Wanted>> FindWantedAsync(CancellationToken cancellation)
    {
        var wanted = new List<Wanted>();
        foreach (var table in tables)
        {
            var found = await connection.QueryAsync("""
                SELECT c.relkind = 'p', coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attgenerated = ''), '{}'),
                    coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attgenerated != ''), '{}'), c.relreplident = 'f'
                FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p') GROUP BY c.oid, c.relkind, c.relreplident
                """,
                row => (IsPartitioned: row.GetBoolean(0), Columns: row.GetFieldValue<string[]>(1),
                    Generated: row.GetFieldValue<string[]>(2), IsFull: row.GetBoolean(3)), cancellation, table.Schema, table.Name);
            if (found is not [var known])
                throw new InitDbException(
                    $"the model mirrors {table.Source}, and the database has no such table: make it (an EF Core " +
                    "migration), or take it out of the model.");
            if (table.Columns.FirstOrDefault(column => !known.Columns.Contains(column.Source)) is { } missing)
                throw new InitDbException(
                    $"the model mirrors {table.Source}.{missing.Source}, and the table has no such column: make it (an EF Core " +
                    "migration), or take it out of the model.");

            string[] mirrored = [.. known.Columns.Where(name => table.Columns.Any(column => column.Source == name))];
            if (known.IsFull && !appendOnly && FullIdentity.Refusal(
                known.Columns, known.Generated, mirrored, connection.PostgreSqlVersion.Major) is { } refusal)
                throw new InitDbException(
                    $"{table.Source} has REPLICA IDENTITY FULL, and {refusal}: ALTER TABLE {PostgresSql.Name(table)} " +
                    "REPLICA IDENTITY DEFAULT.");

            wanted.Add(new(table, known.IsPartitioned, mirrored.Length < known.Columns.Length ? mirrored : null));
        }
        return wanted;
    }

    private async Task<string?> FindDriftAsync(IReadOnlyList<Wanted> wanted, CancellationToken cancellation)
    {
        // Filters, column lists and schemas came with PostgreSQL 15.
        var isOld = connection.PostgreSqlVersion.Major < 15;
        var published = await connection.QueryAsync($"""
            SELECT CASE WHEN n.nspname = 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END,
                {(isOld ? "false, NULL::text[]" : """
                    r.prqual IS NOT NULL, (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
                        WHERE a.attrelid = c.oid AND a.attnum = ANY (r.prattrs))
                    """)}
            FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid JOIN pg_class c ON c.oid = r.prrelid
                JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE p.pubname = $1
            {(isOld ? "" : """
                UNION ALL
                SELECT 'schema ' || n.nspname, false, NULL
                FROM pg_publication p JOIN pg_publication_namespace s ON s.pnpubid = p.oid JOIN pg_namespace n ON n.oid = s.pnnspid
                WHERE p.pubname = $1
                """)}
            """,
            row => (Table: row.GetString(0), Filtered: row.GetBoolean(1), Columns: row.IsDBNull(2) ? null : row.GetFieldValue<string[]>(2)),
            cancellation, name);

        var drift = new List<string>();
        foreach (var table in wanted)
        {
            if (published.FirstOrDefault(entry => entry.Table == table.Table.Source) is not { Table: not null } entry)
                drift.Add($"lacks {table.Table.Source}");
            else if (entry.Filtered)
                drift.Add($"filters {entry.Table}");
            else if (table.Columns is null && entry.Columns is not null)
                drift.Add($"filters {entry.Table}, of which it has only the columns {string.Join(", ", entry.Columns)}");
            else if (table.Columns is not null && !table.Columns.SequenceEqual(entry.Columns ?? []))
                drift.Add(
                    $"has {(entry.Columns is null ? "all columns" : $"the columns {string.Join(", ", entry.Columns)}")} of " +
                    $"{entry.Table}, of which {string.Join(", ", table.Columns)} are mirrored");
        }
        drift.AddRange(published.Select(entry => entry.Table)
            .Except(wanted.Select(table => table.Table.Source)).Select(table => $"has {table}, which is not replicated"));
        return drift.Count == 0 ? null : string.Join(", ", drift);
    }

    /// <summary>A table of the model in the database.</summary>
    /// <param name="Table">The table.</param>
    /// <param name="IsPartitioned">It is partitioned.</param>
    /// <param name="Columns">The columns to publish; null for all.</param>
    private sealed record Wanted(TableMapping Table, bool IsPartitioned, string[]? Columns)
    {
        public string Sql =>
            $"{PostgresSql.Name(Table)}{(Columns is null ? "" : $" ({string.Join(", ", Columns.Select(PostgresSql.Name))})")}";
    }
}
