using Npgsql;

namespace AspireCdc.Api.InitDb;

/// <summary>
/// The publication on exactly the replicated tables. It is changed by ALTER only: what is written while a publication is missing is lost to its readers without a word.
/// </summary>
internal static class Publication
{
    public static async Task<IReadOnlyList<Repair>> FindRepairsAsync(NpgsqlConnection connection, string name, IReadOnlyList<string> tables, CancellationToken cancellation)
    {
        var list = string.Join(", ", tables.Select(Sql.Identifier));
        var publications = await connection.QueryAsync(
            "SELECT puballtables, pubinsert AND pubupdate AND pubdelete AND pubtruncate FROM pg_publication WHERE pubname = $1",
            row => (AllTables: row.GetBoolean(0), AllChanges: row.GetBoolean(1)), cancellation, name);
        if (publications is not [var found])
            return [new($"publication {name} is missing", $"CREATE PUBLICATION {Sql.Identifier(name)} FOR TABLE {list}")];
        if (found.AllTables)
            throw new InitDbException($"publication {name} is FOR ALL TABLES, which ALTER cannot change: stop the processor, DROP PUBLICATION {Sql.Identifier(name)}, run init-db again, then resync --all.");

        var repairs = new List<Repair>();
        if (!found.AllChanges)
            repairs.Add(new($"publication {name} leaves out some kind of change", $"ALTER PUBLICATION {Sql.Identifier(name)} SET (publish = 'insert, update, delete, truncate')"));
        if (await FindDriftAsync(connection, name, tables, cancellation) is { } drift)
            repairs.Add(new($"publication {name}: {drift}", $"ALTER PUBLICATION {Sql.Identifier(name)} SET TABLE {list}"));
        return repairs;
    }

    private static async Task<string?> FindDriftAsync(NpgsqlConnection connection, string name, IReadOnlyList<string> tables, CancellationToken cancellation)
    {
        var published = await connection.QueryAsync("""
            SELECT CASE WHEN n.nspname = current_schema() THEN c.relname ELSE n.nspname || '.' || c.relname END, r.prqual IS NOT NULL OR r.prattrs IS NOT NULL
            FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE p.pubname = $1
            UNION ALL
            SELECT 'schema ' || n.nspname, false
            FROM pg_publication p JOIN pg_publication_namespace s ON s.pnpubid = p.oid JOIN pg_namespace n ON n.oid = s.pnnspid
            WHERE p.pubname = $1
            """, row => (Table: row.GetString(0), Filtered: row.GetBoolean(1)), cancellation, name);

        List<string> drift =
        [
            .. tables.Except(published.Select(entry => entry.Table)).Select(table => $"lacks {table}"),
            .. published.Select(entry => entry.Table).Except(tables).Select(table => $"has {table}, which is not replicated"),
            .. published.Where(entry => entry.Filtered).Select(entry => $"filters {entry.Table}"),
        ];
        return drift.Count == 0 ? null : string.Join(", ", drift);
    }
}
