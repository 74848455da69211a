using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.Postgres.Watch;
using AspireCdc.Star.Model;
using AspireCdc.Star.Postgres;
using Npgsql;
using Columns = System.Linq.ILookup<(string Schema, string Name), AspireCdc.CdcProcessor.Postgres.RealColumn>;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>What PostgreSQL's catalog says about the tables, the rights and the slot.</summary>
internal sealed class PostgresCatalog(NpgsqlDataSource database, StarModel model, CdcOptions options)
{
    /// <summary>Holds the mapping against the real tables and the role's rights against what the work takes; tells
    /// all that is wrong at once.</summary>
    /// <returns>What is worth a warning: columns that the table has and the mapping has not.</returns>
    public async Task<IReadOnlyList<string>> CheckAsync(CancellationToken cancellationToken)
    {
        var tables = await ColumnsAsync(cancellationToken);
        var missing = Missing(tables).Select(table => $"\"{table.Schema}.{table.Source}\"").ToList();
        if (missing.Count > 0)
            throw new NotReadyException(
                $"Database '{await DatabaseAsync(cancellationToken)}' has no table {string.Join(", ", missing)} yet: waiting for 'Api " +
                $"init-db' to make {(missing.Count == 1 ? "it" : "them")}.");

        var faults = await FaultsAsync(tables, cancellationToken);
        // Once changes are kept for us, a table that cannot be read holds up its own copies only, and what it is is told while the stream
        // runs.
        if (faults.Count > 0 && !(faults.All(fault => fault.IsOfReading) && await SlotAsync(cancellationToken) is not null))
            throw new NotReadyException(
                $"Database '{await DatabaseAsync(cancellationToken)}' cannot be read: " +
                $"{string.Join("; ", faults.Select(fault => fault.What))}.");
        return
        [
            .. model.Tables.SelectMany(table => tables[(table.Schema, table.Name)]
                .Where(column => table.Columns.All(mapped => mapped.Source != column.Name))
                .Select(column => $"{table.Source}.{column.Name} is not in the mapping and is ignored")),
        ];
    }

    /// <summary>All that is wrong now, while the stream runs.</summary>
    public async Task<IReadOnlyList<CatalogFault>> FaultsAsync(CancellationToken cancellationToken)
    {
        var tables = await ColumnsAsync(cancellationToken);
        // Renamed alone, its changes still come, by its identity.
        return [.. Missing(tables).Select(table => new CatalogFault(
            table, $"there is no table {table.Source}: give it its name back, make it, or take it out of the model")),
            .. await FaultsAsync(tables, cancellationToken)];
    }

    /// <summary>Whether a column of this type lands as the mapping's does: bytes and text are written otherwise.</summary>
    public static bool AreSameValues(ColumnMapping column, string type) =>
        column.Postgres.Length == 0 || column.Postgres.StartsWith("bytea", StringComparison.Ordinal) == type.StartsWith(
            "bytea", StringComparison.Ordinal);

    private async Task<IReadOnlyList<CatalogFault>> FaultsAsync(Columns tables, CancellationToken cancellationToken)
    {
        var faults = new List<CatalogFault>();
        var known = model.Tables.Where(table => tables.Contains((table.Schema, table.Name))).ToList();
        foreach (var table in known)
        {
            var real = tables[(table.Schema, table.Name)].ToDictionary(column => column.Name, column => column.Type);
            foreach (var column in table.Columns)
            {
                var name = $"{table.Source}.{column.Source}";
                if (!real.TryGetValue(column.Source, out var type))
                    faults.Add(new(table,
                        $"{name} is missing: give it back (a column that was renamed, by its name), or take it out of the model",
                        IsLossy: true));
                else if (!AreSameValues(column, type))
                    faults.Add(new(table,
                        $"{name} is {type}, and the model takes it for {column.Postgres}: bring the " +
                        "model up to date (ClickHouseMigrator add)", IsLossy: true));
            }
        }
        await CheckKeysAsync([.. known.Where(table => !table.AppendOnly)], faults, cancellationToken);
        await CheckEncodingAsync(faults, cancellationToken);
        await CheckRightsAsync(known, faults, cancellationToken);
        foreach (var (name, appendOnly, published) in Publications.Of(model, options.Publication))
            await CheckPublicationAsync(name, appendOnly, [.. published.Where(known.Contains)], faults, cancellationToken);
        faults.AddRange(await PublishedColumns.FaultsAsync(this, tables, model, options.Publication, cancellationToken));
        return faults;
    }

    private IEnumerable<TableMapping> Missing(Columns tables) => model.Tables.Where(table => !tables.Contains((table.Schema, table.Name)));

    private async Task<Columns> ColumnsAsync(CancellationToken cancellationToken) => (await OfTablesAsync(
        """
        SELECT n.nspname::text, c.relname::text, a.attname::text,
            CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE format_type(a.atttypid, a.atttypmod) END,
            a.attgenerated::text
        FROM wanted w JOIN pg_namespace n ON n.nspname = w.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
        JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
        WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
        """, model.Tables, cancellationToken))
        .SelectMany(rows => rows, (rows, row) => (rows.Key, Column: new RealColumn((string)row[2]!, (string)row[3]!, (string)row[4]!)))
        .ToLookup(row => row.Key, row => row.Column);

    /// <summary>The slot; null if there is none.</summary>
    public async Task<SlotState?> SlotAsync(CancellationToken cancellationToken)
    {
        var rows = await QueryAsync(
            """
            SELECT s.plugin, s.database, s.wal_status, s.confirmed_flush_lsn::text, current_database()::text, s.active
            FROM pg_replication_slots s WHERE s.slot_name = $1
            """, cancellationToken, options.Slot);
        if (rows is not [var slot, ..])
            return null;
        if (slot[0] is not "pgoutput" || !Equals(slot[1], slot[4]))
            throw new NotReadyException(
                $"Replication slot '{options.Slot}' belongs to {slot[0] ?? "physical replication"} on database '{slot[1]}': set " +
                "Cdc:Slot to another name.");
        return new SlotState(slot[2] is "lost" || slot[3] is null, slot[3] is string lsn ? Lsn.Parse(lsn) : 0, slot[5] is true);
    }

    /// <summary>How far the server's WAL goes, and how much of it is kept for the slot.</summary>
    public async Task<(ulong End, SlotSize? Slot)> EndOfWalAsync(CancellationToken cancellationToken)
    {
        var row = (await QueryAsync(
            """
            SELECT w.flushed::text, pg_wal_lsn_diff(w.flushed, s.restart_lsn)::int8, s.safe_wal_size
            FROM (SELECT pg_current_wal_flush_lsn() AS flushed) w LEFT JOIN pg_replication_slots s ON s.slot_name = $1
            """, cancellationToken, options.Slot))[0];
        return (Lsn.Parse((string)row[0]!), row[1] is long retained ? new SlotSize(retained, row[2] as long?) : null);
    }

    /// <summary>The server's major version, like 17.</summary>
    public async Task<int> MajorVersionAsync(CancellationToken cancellationToken) =>
        (int)(await QueryAsync("SELECT current_setting('server_version_num')::int / 10000", cancellationToken))[0][0]!;

    /// <summary>The mapped columns that a table has, as pgoutput would describe them.</summary>
    public async Task<Relation> DescribeAsync(TableMapping table, CancellationToken cancellationToken)
    {
        var columns = await QueryAsync(
            """
            SELECT a.attname, a.atttypid::int8
            FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
            """, cancellationToken, PostgresSql.Name(table));
        var mapped = columns.Where(column => table.Columns.Any(known => known.Source == (string)column[0]!));
        return new Relation(table, [.. mapped.Select(column => new RelationColumn((string)column[0]!, (uint)(long)column[1]!))]);
    }

    /// <summary>How many pages a table has, and about how many rows.</summary>
    public async Task<(long Pages, long Rows)> SizeAsync(TableMapping table, CancellationToken cancellationToken)
    {
        var rows = await QueryAsync(
            """
            SELECT CASE WHEN c.relkind = 'r' THEN pg_relation_size(c.oid) / current_setting('block_size')::int8 ELSE 0 END,
                GREATEST(c.reltuples, 0)::int8
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2
            """, cancellationToken, table.Schema, table.Name);
        return rows is [[long pages, long count]] ? (pages, count) : (0, 0);
    }

    /// <summary>Sends a marker through the WAL. The second message, a transactional one, makes its commit flush the first.</summary>
    public Task EmitAsync(IEnumerable<Marker> markers, CancellationToken cancellationToken) => QueryAsync(
        "SELECT pg_logical_emit_message(false, $1, $2)::text, pg_logical_emit_message(true, 'aspirecdc', '')::text",
        cancellationToken, Marker.Prefix(options.Slot), Marker.Format(markers));

    public async Task<IReadOnlyList<object?[]>> QueryAsync(
        string sql, CancellationToken cancellationToken, params IEnumerable<object> parameters)
    {
        await using var command = CreateCommand(sql, parameters);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<object?[]>();
        while (await reader.ReadAsync(cancellationToken))
        {
            var row = new object?[reader.FieldCount];
            for (var i = 0; i < row.Length; i++)
                row[i] = await reader.IsDBNullAsync(i, cancellationToken) ? null : reader.GetValue(i);
            rows.Add(row);
        }
        return rows;
    }

    /// <summary>A statement that is yet to run.</summary>
    public NpgsqlCommand CreateCommand(string sql, IEnumerable<object> parameters)
    {
        var command = database.CreateCommand(sql);
        foreach (var parameter in parameters)
            command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        return command;
    }

    private async Task<string> DatabaseAsync(CancellationToken cancellationToken) =>
        (string)(await QueryAsync("SELECT current_database()::text", cancellationToken))[0][0]!;

    /// <summary>
    /// The mapped key must be unique at every moment, not only at commit (a deferrable key allows a swap that no version can order), and
    /// deletes and key changes must carry it.
    /// </summary>
    private async Task CheckKeysAsync(IReadOnlyList<TableMapping> tables, List<CatalogFault> faults, CancellationToken cancellationToken)
    {
        var rows = await OfTablesAsync(
            """
            SELECT n.nspname::text, c.relname::text, c.relreplident::text, i.indimmediate, i.indisprimary, i.indisreplident,
                ARRAY(SELECT a.attname::text FROM unnest(i.indkey[0:i.indnkeyatts - 1]) k
                    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k),
                (SELECT x.relname::text FROM pg_class x WHERE x.oid = i.indexrelid)
            FROM wanted w JOIN pg_namespace n ON n.nspname = w.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
            JOIN pg_index i ON i.indrelid = c.oid
            WHERE c.relkind IN ('r', 'p') AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
            """, tables, cancellationToken);
        foreach (var table in tables)
            CheckKey(table, [.. rows[(table.Schema, table.Name)]], faults);
    }

    private static void CheckKey(TableMapping table, IReadOnlyList<object?[]> indexes, List<CatalogFault> faults)
    {
        var key = table.Key.Select(column => table.Columns[column].Source).ToHashSet();
        var fitting = indexes.Where(index => key.SetEquals(KeyOf(index))).ToList();
        var named = $"{table.Source}.({string.Join(", ", key)})";
        if (fitting.Count == 0)
            faults.Add(new(table, $"{named} is the mapping's key and has no unique index"));
        else if (!fitting.Any(index => index[3] is true))
            faults.Add(new(table, $"{named} is the mapping's key and is deferrable: make its constraint NOT DEFERRABLE"));

        var identity = indexes.Count > 0 ? (string)indexes[0][2]! : "d";
        var carriesKey = identity switch
        {
            "f" => true,
            "d" => indexes.Any(index => index[4] is true && key.IsSubsetOf(KeyOf(index))),
            "i" => indexes.Any(index => index[5] is true && key.IsSubsetOf(KeyOf(index))),
            _ => false,
        };
        if (!carriesKey)
        {
            // FULL goes with no column list: PostgreSQL would refuse the application's updates.
            var cure = fitting.FirstOrDefault(index => index[3] is true) is { } index
                ? $"USING INDEX {PostgresSql.Name((string)index[7]!)}" : "FULL";
            faults.Add(new(table,
                $"deletes from {table.Source} do not carry the mapping's key: ALTER TABLE {PostgresSql.Name(table)} " +
                $"REPLICA IDENTITY {cure}"));
        }

        static string[] KeyOf(object?[] index) => (string[])index[6]!;
    }

    /// <summary>
    /// What a query over <c>wanted (schema, name)</c> tells of these tables, by schema and name, which are its first columns.
    /// </summary>
    private async Task<ILookup<(string Schema, string Name), object?[]>> OfTablesAsync(
        string sql, IReadOnlyList<TableMapping> tables, CancellationToken cancellationToken) =>
        (await QueryAsync(
            $"WITH wanted (schema, name) AS (SELECT * FROM unnest($1, $2)) {sql}", cancellationToken,
            tables.Select(table => table.Schema).ToArray(), tables.Select(table => table.Name).ToArray()))
        .ToLookup(row => ((string)row[0]!, (string)row[1]!));

    private async Task CheckEncodingAsync(List<CatalogFault> faults, CancellationToken cancellationToken)
    {
        var encoding = (string)(await QueryAsync("SELECT current_setting('server_encoding')", cancellationToken))[0][0]!;
        if (encoding != "UTF8")
            faults.Add(new(null,
                $"it is encoded in {encoding}, and text travels as UTF8: restore a dump of it into a database of ENCODING 'UTF8'"));
    }

    private async Task CheckRightsAsync(IReadOnlyList<TableMapping> tables, List<CatalogFault> faults, CancellationToken cancellationToken)
    {
        var role =
            (await QueryAsync(
                $"SELECT current_user::text, {ReplicationRight.IsHeld}, current_setting('wal_level'), pg_is_in_recovery(), " +
                $"{ReplicationRight.IsByMembership} FROM pg_roles WHERE rolname = current_user", cancellationToken))[0];
        var user = PostgresSql.Name((string)role[0]!);
        if (role[3] is true)
            faults.Add(new(null, "this server is a standby: name the primary, or all servers (Host=a,b), of which the primary is taken"));
        if (role[2] is not "logical")
            faults.Add(new(null, $"wal_level is {role[2]}: set wal_level=logical and restart PostgreSQL"));
        // The administrators of managed services are not superusers; there the attempt itself tells.
        if (role[1] is not true && await CannotReplicateAsync(cancellationToken))
            faults.Add(new(null, $"role {user} lacks REPLICATION: {ReplicationRight.Grant(user, role[4] is true)}"));

        var rights = await OfTablesAsync(
            """
            SELECT n.nspname::text, c.relname::text, has_schema_privilege(n.oid, 'USAGE'), has_table_privilege(c.oid, 'SELECT')
            FROM wanted w JOIN pg_namespace n ON n.nspname = w.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
            """, tables, cancellationToken);
        foreach (var table in tables)
        {
            if (rights[(table.Schema, table.Name)].FirstOrDefault() is not [_, _, var usage, var select])
                continue;
            var lack = usage is not true
                ? $"USAGE on schema {table.Schema}: GRANT USAGE ON SCHEMA {PostgresSql.Name(table.Schema)} TO {user}"
                : select is not true ? $"SELECT on {table.Source}: GRANT SELECT ON {PostgresSql.Name(table)} TO {user}" : null;
            if (lack is not null)
                faults.Add(new(table, $"role {user} lacks {lack}", IsOfReading: true));
        }
    }

    private async Task<bool> CannotReplicateAsync(CancellationToken cancellationToken) => (await QueryAsync(
        "SELECT 1 FROM pg_roles WHERE rolname IN ('rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin') AND " +
        "pg_has_role(current_user, oid, 'MEMBER')",
        cancellationToken)).Count == 0;

    private async Task CheckPublicationAsync(
        string name, bool appendOnly, IReadOnlyList<TableMapping> tables, List<CatalogFault> faults, CancellationToken cancellationToken)
    {
        var rows = await QueryAsync(
            "SELECT pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot FROM pg_publication WHERE pubname = $1", cancellationToken,
            name);
        if (rows is not [var publishes])
        {
            faults.Add(new(null, $"there is no publication '{name}': 'Api init-db' makes it", IsLossy: true));
            return;
        }
        // PostgreSQL refuses to change a row without a key whose changes are published.
        var wanted = appendOnly ? "insert" : "insert, update, delete, truncate";
        if (publishes[0] is not true || publishes.Skip(1).Take(3).Any(kind => kind is true == appendOnly))
        {
            var fault = appendOnly ? "publishes more than inserts, or none" : "leaves operations out";
            faults.Add(new(null, $"publication '{name}' {fault}: ALTER PUBLICATION {PostgresSql.Name(name)} SET (publish = '{wanted}')",
                IsLossy: true));
        }

        var published = (await QueryAsync("SELECT schemaname::text, tablename::text FROM pg_publication_tables WHERE pubname = $1",
            cancellationToken, name))
            .Select(row => ((string)row[0]!, (string)row[1]!)).ToHashSet();
        foreach (var table in tables.Where(table => !published.Contains((table.Schema, table.Name))))
            faults.Add(new(table, await UnpublishedAsync(name, table, published, publishes[4] is true, cancellationToken), IsLossy: true));
        foreach (var table in model.Tables.Where(table => table.AppendOnly && !appendOnly
            && published.Contains((table.Schema, table.Name))))
        {
            faults.Add(new(
                table, $"{table.Source} is append-only and in publication '{name}', which publishes more: ALTER PUBLICATION " +
                    $"{PostgresSql.Name(name)} DROP TABLE {PostgresSql.Name(table)}",
                IsLossy: true));
        }
    }

    /// <summary>A partitioned table comes by its own name only where the publication is set to that; else its partitions do.</summary>
    private async Task<string> UnpublishedAsync(
        string publication, TableMapping table, HashSet<(string, string)> published, bool viaRoot, CancellationToken cancellationToken)
    {
        var name = PostgresSql.Name(table);
        var add =
            $"{table.Source} is not in publication '{publication}': ALTER PUBLICATION {PostgresSql.Name(publication)} ADD TABLE {name}";
        var partitions = await QueryAsync(
            """
            SELECT n.nspname::text, c.relname::text FROM pg_class root, pg_partition_tree(root.oid) t JOIN pg_class c ON c.oid = t.relid
                JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE root.oid = to_regclass($1) AND root.relkind = 'p'
            """, cancellationToken, name);
        if (partitions.Count == 0 || viaRoot)
            return add;

        var set = $"ALTER PUBLICATION {PostgresSql.Name(publication)} SET (publish_via_partition_root = true)";
        return partitions.Any(partition => published.Contains(((string)partition[0]!, (string)partition[1]!)))
            || (await QueryAsync(
                "SELECT 1 FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid WHERE " +
                "p.pubname = $1 AND r.prrelid = to_regclass($2)",
                cancellationToken, publication, name)).Count > 0
            ? $"publication '{publication}' sends the partitions of {table.Source} in the place of the table: {set}"
            : $"{add}; {set}";
    }
}

/// <summary>A column that a table has.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type as <c>format_type</c> writes it; of a domain, its base's.</param>
/// <param name="Generated">
/// Whether it is computed: <c>s</c> where that is stored, <c>v</c> where it is not, empty where it is not computed.
/// </param>
internal sealed record RealColumn(string Name, string Type, string Generated);

/// <summary>The replication slot.</summary>
/// <param name="IsLost">The server has thrown away WAL that it needs.</param>
/// <param name="Confirmed">What was acknowledged.</param>
/// <param name="IsActive">Somebody reads it.</param>
internal sealed record SlotState(bool IsLost, ulong Confirmed, bool IsActive);
