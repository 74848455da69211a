using System.Globalization;
using AspireCdc.Star.Model;
using AspireCdc.Star.Postgres;

namespace AspireCdc.CdcProcessor.Postgres.Watch;

/// <summary>Reads tables' forms from the catalog: as they are now, or as of a snapshot.</summary>
internal sealed class TableForms(PostgresCatalog catalog, StarModel model, CdcOptions options)
{
    /// <summary>The forms now, by the table's identity in the model; a table that is not there is missing.</summary>
    public async Task<IReadOnlyDictionary<string, TableForm>> NowAsync(CancellationToken cancellationToken) =>
        (await catalog.QueryAsync(Sql(model.Tables), cancellationToken))
        .ToDictionary(row => (string)row[0]!, row => TableForm.Read((string)row[1]!));

    /// <summary>The forms as of the snapshot that this connection's transaction has.</summary>
    public async Task<IReadOnlyDictionary<string, TableForm>> AsOfSnapshotAsync(
        WireConnection connection, IReadOnlyList<TableMapping> tables, CancellationToken cancellationToken) =>
        (await connection.QueryAsync(Sql(tables), cancellationToken)).ToDictionary(row => row[0]!, row => TableForm.Read(row[1]!));

    /// <summary>
    /// Locks a table against rewrites, and tells its identity and its files as they are now, whatever the transaction's snapshot shows:
    /// functions look at the newest catalog.
    /// </summary>
    public static string FilesNow(TableMapping table)
    {
        var name = PostgresSql.Name(table);
        return $"""
            LOCK TABLE {name} IN ACCESS SHARE MODE;
            SELECT to_regclass({PostgresSql.Literal(name)})::oid::text, coalesce(
                (SELECT string_agg(pg_relation_filenode(relid)::text, ',' ORDER BY relid::oid)
                FROM pg_partition_tree(to_regclass({PostgresSql.Literal(name)}))),
                pg_relation_filenode(to_regclass({PostgresSql.Literal(name)}))::text, '')
            """;
    }

    // pg_class and its like are read as of the transaction's snapshot, as any table is.
    private string Sql(IReadOnlyList<TableMapping> tables)
    {
        var wanted = string.Join(", ", tables.Select(table =>
            $"({PostgresSql.Literal(table.Source)}, {PostgresSql.Literal(table.Schema)}, {PostgresSql.Literal(table.Name)})"));
        var publications = string.Join(", ", Publications.Of(model, options.Publication)
            .Select(publication => PostgresSql.Literal(publication.Name)));
        return string.Create(CultureInfo.InvariantCulture, $"""
            WITH RECURSIVE wanted (source, schema, name) AS (VALUES {wanted}),
            found AS
            (
                SELECT w.source, c.oid, c.relkind, c.relfilenode, c.xmin
                FROM wanted w JOIN pg_namespace n ON n.nspname = w.schema
                JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
                WHERE c.relkind IN ('r', 'p')
            ),
            tree AS
            (
                SELECT f.oid AS root, i.inhrelid AS oid, i.xmin::text AS joined
                FROM found f JOIN pg_inherits i ON i.inhparent = f.oid WHERE f.relkind = 'p'
                UNION ALL
                SELECT t.root, i.inhrelid, i.xmin::text FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid
            )
            SELECT f.source, jsonb_build_object(
                'oid', f.oid::int8, 'file', f.relfilenode::int8, 'changed', f.xmin::text::int8,
                'columns', (
                    SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'name', a.attname, 'place', a.attnum, 'type', a.atttypid::int8, 'modifier', a.atttypmod, 'text',
                        format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum), '[]')
                    FROM pg_attribute a WHERE a.attrelid = f.oid AND a.attnum > 0 AND NOT a.attisdropped),
                'partitions', (
                    SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'oid', t.oid::int8, 'name', t.oid::regclass::text, 'file', l.relfilenode::int8, 'joined', t.joined,
                        'made', y.xmin::text) ORDER BY t.oid), '[]')
                    FROM tree t JOIN pg_class l ON l.oid = t.oid JOIN pg_type y ON y.oid = l.reltype WHERE t.root = f.oid),
                'publication', (
                    SELECT coalesce(string_agg(concat(p.oid, ':', r.oid), ' ' ORDER BY p.oid), '')
                    FROM pg_publication p LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = f.oid
                    WHERE p.pubname IN ({publications})),
                'options', (
                    SELECT coalesce(string_agg(p.xmin::text, ' ' ORDER BY p.oid), '') FROM pg_publication p
                        WHERE p.pubname IN ({publications})),
                'trigger', (
                    SELECT coalesce(string_agg(concat(e.oid, ':', e.xmin), ' '), '') FROM pg_event_trigger e
                    WHERE e.evtname = {PostgresSql.Literal(SchemaTrigger.RewriteTrigger)} AND e.evtenabled IN ('O', 'A')))::text
            FROM found f
            """);
    }
}
