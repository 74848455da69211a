using AspireCdc.Star.Model;
using AspireCdc.Star.Postgres;
using Npgsql;

namespace AspireCdc.AppHost.Doctor;

/// <summary>The source: each check is a query that returns a row for everything that is wrong, with its cure.</summary>
internal static class PostgresChecks
{
    private const string Part = "postgres";
    private const string InitDb = "dotnet run --project Api -- init-db";

    private static readonly (string Check, string Well, string Sql)[] Table =
    [
        ("wal_level", "logical", """
            SELECT 'wal_level is ' || setting || ', and change data capture reads logical changes',
                'ALTER SYSTEM SET wal_level = logical, then restart the server'
            FROM pg_settings WHERE name = 'wal_level' AND setting <> 'logical'
            """),
        ("room for a slot", "there is", """
            SELECT 'all ' || current_setting('max_replication_slots') || ' replication slots are taken',
                'ALTER SYSTEM SET max_replication_slots to more, then restart; or drop a slot that nobody reads'
            WHERE (SELECT count(*) FROM pg_replication_slots) >= current_setting('max_replication_slots')::int
                AND NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = @slot)
            """),
        ("connections", "there is room for more", """
            SELECT 'of ' || current_setting('max_connections') || ' connections ' || count(*) || ' are taken',
                'find who holds them in pg_stat_activity, or raise max_connections'
            FROM pg_stat_activity WHERE backend_type = 'client backend' HAVING count(*) > 0.9 * current_setting('max_connections')::int
            """),
        ("tables", "all are there", $"""
            SELECT 'table ' || name || ' is missing', '{InitDb}' FROM unnest(@tables) AS name WHERE to_regclass(name) IS NULL
            """),
        ("migrations", "all are applied", $"""
            SELECT 'migration ' || name || ' is not applied', '{InitDb}' FROM unnest(@migrations) AS name
            WHERE NOT xpath_exists('//id[text()="' || name || '"]',
                (SELECT CASE WHEN to_regclass('"__EFMigrationsHistory"') IS NULL THEN '<none/>'::xml
                ELSE query_to_xml('SELECT migration_id AS id FROM "__EFMigrationsHistory"', false, false, '') END))
            """),
        ("model", "the tables have its columns", $"""
            SELECT 'column ' || tab || '.' || col || ' of the model is missing',
                '{InitDb}; or dotnet run --project ClickHouseMigrator -- add NAME where the model is to change'
            FROM unnest(@columnTables, @columns) AS model (tab, col)
            WHERE to_regclass(tab) IS NOT NULL
                AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(tab) AND attname = col AND NOT attisdropped)
            """),
        ("publication", "is there, for every operation", $"""
            SELECT 'there is no publication ' || name, '{InitDb}' FROM unnest(@publications) AS name
            WHERE NOT EXISTS (SELECT FROM pg_publication WHERE pubname = name)
            UNION ALL
            SELECT 'publication ' || pubname
                    || CASE WHEN append_only THEN ' publishes more than inserts, or none' ELSE ' leaves operations out' END,
                '{InitDb}'
            FROM unnest(@publications, @appendOnly) AS wanted (name, append_only) JOIN pg_publication ON pubname = name
            WHERE NOT pubinsert OR CASE WHEN append_only THEN pubupdate OR pubdelete OR pubtruncate
                ELSE NOT (pubupdate AND pubdelete AND pubtruncate) END
            """),
        ("published tables", "all are published", $"""
            SELECT 'publication ' || pubname || ' lacks ' || name, '{InitDb}'
            FROM unnest(@tables, @tablePublications) AS wanted (name, publication) JOIN pg_publication ON pubname = publication
            WHERE to_regclass(name) IS NOT NULL
                AND NOT EXISTS (SELECT FROM pg_publication_tables p
                    WHERE p.pubname = publication AND format('%I.%I', p.schemaname, p.tablename)::regclass = to_regclass(name))
            """),
        ("replica identity", "changes bring their keys", """
            SELECT 'changes of ' || name || ' bring no key: its replica identity is '
                    || CASE relreplident WHEN 'n' THEN 'nothing' ELSE 'the primary key, which it has not' END,
                'ALTER TABLE ' || name || CASE relreplident WHEN 'n' THEN ' REPLICA IDENTITY DEFAULT' ELSE ' ADD PRIMARY KEY (…)' END
            FROM unnest(@keyedTables) AS name JOIN pg_class ON pg_class.oid = to_regclass(name)
            WHERE relreplident = 'n'
                OR relreplident = 'd' AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary)
            """),
        ("role", "may replicate", $"""
            SELECT 'there is no role ' || @role, '{InitDb}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = @role)
            UNION ALL
            SELECT 'role ' || rolname || ' lacks ' || CASE WHEN rolcanlogin THEN 'REPLICATION' ELSE 'LOGIN' END, '{InitDb}'
            FROM pg_roles WHERE rolname = @role AND NOT rolsuper AND NOT (rolcanlogin AND {ReplicationRight.IsHeld})
            """),
        ("grants", "it may read every table", $"""
            SELECT 'role ' || @role || ' may not read ' || name, '{InitDb}' FROM unnest(@tables) AS name, pg_roles
            WHERE rolname = @role AND to_regclass(name) IS NOT NULL AND NOT has_table_privilege(rolname, to_regclass(name), 'SELECT')
            """),
        ("slot", "is there", """
            SELECT 'there is no replication slot ' || @slot,
                'start the processor, which makes it; if it has filled ClickHouse before: dotnet run --project CdcProcessor -- resync --all'
            WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = @slot)
            UNION ALL
            SELECT 'slot ' || slot_name || ' is for ' || coalesce(plugin, 'physical replication')
                    || ' in database ' || coalesce(database, 'none'),
                'drop it, or name another: Cdc__Slot'
            FROM pg_replication_slots
            WHERE slot_name = @slot AND (plugin IS DISTINCT FROM 'pgoutput' OR database IS DISTINCT FROM current_database())
            """),
        // PostgreSQL tells the reason from 17 on; as JSON it is NULL where there is no such column.
        ("slot's log", "the server has all of it", """
            SELECT 'slot ' || slot_name || ' has lost its log' || coalesce(' (' || (to_jsonb(s) ->> 'invalidation_reason') || ')', ''),
                'dotnet run --project CdcProcessor -- resync --all'
            FROM pg_replication_slots s
            WHERE slot_name = @slot AND (wal_status = 'lost' OR to_jsonb(s) ->> 'invalidation_reason' IS NOT NULL)
            UNION ALL
            SELECT 'slot ' || slot_name || ' loses its log at the next checkpoint',
                'let the processor catch up now, or raise max_slot_wal_keep_size'
            FROM pg_replication_slots s
            WHERE slot_name = @slot AND wal_status = 'unreserved' AND to_jsonb(s) ->> 'invalidation_reason' IS NULL
            UNION ALL
            SELECT 'the server keeps ' || pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) || ' of log for slot '
                    || slot_name,
                'start or resume the processor; CdcProcessor status shows whether it catches up'
            FROM pg_replication_slots WHERE slot_name = @slot AND pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) > @keptLog
            """),
        ("slot's reader", "somebody reads from it", """
            SELECT 'nobody reads from slot ' || slot_name || ', and the server keeps its log for it',
                'start the processor; if it is paused: dotnet run --project CdcProcessor -- resume'
            FROM pg_replication_slots WHERE slot_name = @slot AND NOT active AND wal_status <> 'lost'
            """),
        ("other slots", "none is forgotten", """
            SELECT 'nobody reads from slot ' || slot_name || ', for which the server keeps '
                    || pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) || ' of log',
                'SELECT pg_drop_replication_slot(''' || slot_name || ''') if nobody needs it'
            FROM pg_replication_slots
            WHERE slot_name <> @slot AND NOT active AND pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) > @forgottenLog
            """),
        ("open transactions", "none is forgotten", """
            SELECT 'process ' || pid || ' holds a transaction open since ' || xact_start::timestamp(0) || ': a new slot waits for it',
                'SELECT pg_terminate_backend(' || pid || ')'
            FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND state LIKE 'idle in transaction%' AND xact_start < now() - @forgotten
            UNION ALL
            SELECT 'transaction ' || gid || ' is prepared since ' || prepared::timestamp(0)
                    || ': nothing of it is visible, and a new slot waits for it',
                'COMMIT PREPARED or ROLLBACK PREPARED ''' || gid || ''''
            FROM pg_prepared_xacts WHERE prepared < now() - @forgotten
            """),
    ];

    public static async Task<IReadOnlyList<Finding>> ExamineAsync(Patient patient, CancellationToken cancellationToken)
    {
        var server = new NpgsqlConnectionStringBuilder(patient.Shop) { Pooling = false, Timeout = 5, CommandTimeout = 10 };
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        try
        {
            if (patient.Password is { } password)
                connection.ConnectionString = await password.CompleteAsync(server.ConnectionString, cancellationToken);
        }
        catch (InvalidOperationException exception)
        {
            return Unasked(exception.Message, "correct the command, which must print a password");
        }

        try
        {
            await connection.OpenAsync(cancellationToken);
        }
        catch (NpgsqlException exception)
        {
            return Refused(exception, server);
        }

        var answers = new Finding(Part, "answers", Verdict.Well, $"{server.Host}:{server.Port}, PostgreSQL {connection.ServerVersion}");
        var findings = new List<Finding> { answers };
        foreach (var (check, well, sql) in Table)
            findings.AddRange(await AskAsync(connection, patient, check, well, sql, cancellationToken));
        return findings;
    }

    private static async Task<IEnumerable<Finding>> AskAsync(
        NpgsqlConnection connection, Patient patient, string check, string well, string sql, CancellationToken cancellationToken)
    {
        var publications = Publications.Of(patient.Model, patient.Names.Publication);
        var tables = publications.SelectMany(publication =>
            publication.Tables.Select(table => (Name: PostgresSql.Name(table), Publication: publication.Name, publication.AppendOnly)))
            .ToList();
        var columns = patient.Model.Tables
            .SelectMany(table => table.Columns.Select(column => (Table: PostgresSql.Name(table), column.Source))).ToList();
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddWithValue("publications", publications.Select(publication => publication.Name).ToArray());
        command.Parameters.AddWithValue("appendOnly", publications.Select(publication => publication.AppendOnly).ToArray());
        command.Parameters.AddWithValue("slot", patient.Names.Slot);
        command.Parameters.AddWithValue("role", patient.Names.Role);
        command.Parameters.AddWithValue("tables", tables.Select(table => table.Name).ToArray());
        command.Parameters.AddWithValue("tablePublications", tables.Select(table => table.Publication).ToArray());
        command.Parameters.AddWithValue("keyedTables", tables.Where(table => !table.AppendOnly).Select(table => table.Name).ToArray());
        command.Parameters.AddWithValue("columnTables", columns.Select(column => column.Table).ToArray());
        command.Parameters.AddWithValue("columns", columns.Select(column => column.Source).ToArray());
        command.Parameters.AddWithValue("migrations", patient.PostgresMigrations.ToArray());
        command.Parameters.AddWithValue("keptLog", patient.Limits.KeptLogBytes);
        command.Parameters.AddWithValue("forgottenLog", patient.Limits.ForgottenLogBytes);
        command.Parameters.AddWithValue("forgotten", patient.Limits.ForgottenTransaction);
        try
        {
            var ill = new List<Finding>();
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
                ill.Add(new(Part, check, Verdict.Ill, reader.GetString(0), reader.GetString(1)));
            return ill is [] ? [new(Part, check, Verdict.Well, well)] : ill;
        }
        catch (PostgresException exception)
        {
            return [new(Part, check, Verdict.Ill, $"cannot be asked: {exception.MessageText}", "ask as a role that may read the catalog")];
        }
    }

    private static IReadOnlyList<Finding> Refused(NpgsqlException exception, NpgsqlConnectionStringBuilder server)
    {
        var address = $"{server.Host}:{server.Port}";
        var (says, cure) = exception switch
        {
            PostgresException refusal => refusal.SqlState switch
            {
                PostgresErrorCodes.InvalidCatalogName =>
                    ($"{address} has no database {server.Database}", $"{InitDb}, or correct ConnectionStrings__shop"),
                PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification =>
                    ($"{address} does not let {server.Username} in", "correct user and password in ConnectionStrings__shop"),
                PostgresErrorCodes.TooManyConnections => ($"{address} has no connection left", "end some, or raise max_connections"),
                PostgresErrorCodes.CannotConnectNow => ($"{address} is starting or stopping", "wait a moment, then ask again"),
                _ => (refusal.MessageText, "the resource postgres in the dashboard has its log"),
            },
            _ => ($"{address} does not answer",
                "start the resource postgres in the dashboard, whose log says why it ended; or dotnet run --project AppHost"),
        };
        return Unasked(says, cure);
    }

    private static IReadOnlyList<Finding> Unasked(string says, string cure) =>
        [new(Part, "answers", Verdict.Ill, says, cure),
            .. Table.Select(check => new Finding(Part, check.Check, Verdict.Unasked, "not asked"))];
}
