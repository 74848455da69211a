namespace AspireCdc.Star.Postgres;

/// <summary>
/// Event triggers that put schema changes into the WAL, so that a reader of it hears of them in the order of the rows: above all of a
/// rewrite that changes values, which has no event for any row, and which the catalog alone cannot tell from VACUUM FULL.
/// </summary>
/// <remarks>
/// The functions run as whoever changes the schema. They write a message and nothing else, and never fail: a schema change must not end for
/// want of one.
/// </remarks>
internal static class SchemaTrigger
{
    /// <summary>The prefix of the messages, which are transactional.</summary>
    public const string Prefix = "aspirecdc:schema";

    /// <summary>Fires before ALTER TABLE or ALTER TYPE rewrites a table; not for VACUUM FULL, CLUSTER and TRUNCATE.</summary>
    public const string RewriteTrigger = "aspirecdc_table_rewrite";

    /// <summary>Fires after a table, a partition or a publication was made or changed.</summary>
    public const string ChangeTrigger = "aspirecdc_schema_change";

    private const string Schema = "aspirecdc";

    /// <summary>The triggers, each with the statements that make it.</summary>
    public static IReadOnlyList<(string Name, IReadOnlyList<string> Statements)> All { get; } =
    [
        (RewriteTrigger,
        [
            CreateSchema,
            $"""
            CREATE OR REPLACE FUNCTION {Schema}.table_rewrite() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $function$
            BEGIN
                PERFORM pg_logical_emit_message(true, '{Prefix}', json_build_object(
                    'event', 'table_rewrite', 'tag', tg_tag, 'reason', pg_event_trigger_table_rewrite_reason(),
                    'oid', coalesce(pg_partition_root(pg_event_trigger_table_rewrite_oid())::oid, pg_event_trigger_table_rewrite_oid())::int8)::text);
            EXCEPTION WHEN OTHERS THEN
                RAISE WARNING 'The rewrite could not be told to the change data capture: %', SQLERRM;
            END $function$
            """,
            $"CREATE EVENT TRIGGER {RewriteTrigger} ON table_rewrite EXECUTE FUNCTION {Schema}.table_rewrite()",
            $"ALTER EVENT TRIGGER {RewriteTrigger} ENABLE ALWAYS",
        ]),
        (ChangeTrigger,
        [
            CreateSchema,
            $"""
            CREATE OR REPLACE FUNCTION {Schema}.schema_change() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $function$
            BEGIN
                PERFORM pg_logical_emit_message(true, '{Prefix}', json_build_object(
                    'event', 'ddl_command_end', 'tag', c.command_tag,
                    'oid', CASE WHEN c.classid = 'pg_class'::regclass THEN coalesce(pg_partition_root(c.objid)::oid, c.objid) ELSE 0 END::int8,
                    'partition', CASE WHEN t.relispartition THEN c.objid ELSE 0 END::int8)::text)
                FROM pg_event_trigger_ddl_commands() c LEFT JOIN pg_class t ON c.classid = 'pg_class'::regclass AND t.oid = c.objid
                WHERE c.classid <> 'pg_class'::regclass OR (t.relkind IN ('r', 'p') AND t.relpersistence = 'p'
                    AND (c.command_tag <> 'CREATE TABLE' OR t.relispartition));
            EXCEPTION WHEN OTHERS THEN
                RAISE WARNING 'The schema change could not be told to the change data capture: %', SQLERRM;
            END $function$
            """,
            $"""
            CREATE EVENT TRIGGER {ChangeTrigger} ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE PUBLICATION', 'ALTER PUBLICATION')
                EXECUTE FUNCTION {Schema}.schema_change()
            """,
            $"ALTER EVENT TRIGGER {ChangeTrigger} ENABLE ALWAYS",
        ]),
    ];

    private static string CreateSchema => $"CREATE SCHEMA IF NOT EXISTS {Schema}";
}
