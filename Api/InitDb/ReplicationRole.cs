using System.Text;
using Npgsql;

namespace AspireCdc.Api.InitDb;

/// <summary>The processor's role: it may log in, replicate and read the replicated tables, and nothing else.</summary>
internal static class ReplicationRole
{
    public static async Task<IReadOnlyList<Repair>> FindRepairsAsync(
        NpgsqlConnection connection, string role, string? password, IReadOnlyList<string> tables, CancellationToken cancellation)
    {
        var name = Sql.Identifier(role);
        var roles = await connection.QueryAsync("""
            SELECT rolcanlogin AND rolreplication, rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls FROM pg_roles WHERE rolname = $1
            """, row => (CanReplicate: row.GetBoolean(0), CanMore: row.GetBoolean(1)), cancellation, role);

        var repairs = new List<Repair>();
        if (roles is not [var rights])
            repairs.Add(new($"role {role} is missing", $"CREATE ROLE {name} LOGIN REPLICATION PASSWORD {Sql.Literal(Stored(Required(password, role)))}"));
        else
        {
            if (!rights.CanReplicate) repairs.Add(new($"role {role} may not log in and replicate", $"ALTER ROLE {name} LOGIN REPLICATION"));
            if (rights.CanMore)
                repairs.Add(new($"role {role} has rights that it does not need", $"ALTER ROLE {name} NOSUPERUSER NOCREATEROLE NOCREATEDB NOBYPASSRLS"));
            if (password is not null && !await HasPasswordAsync(connection, role, password, cancellation))
                repairs.Add(new($"role {role} has another password", $"ALTER ROLE {name} PASSWORD {Sql.Literal(Stored(password))}"));
        }
        repairs.AddRange(await FindGrantsAsync(connection, role, tables, cancellation));
        return repairs;
    }

    private static async Task<IEnumerable<Repair>> FindGrantsAsync(NpgsqlConnection connection, string role, IReadOnlyList<string> tables, CancellationToken cancellation)
    {
        var name = Sql.Identifier(role);
        var grants = await connection.QueryAsync("""
            SELECT c.relname, a.privilege_type
            FROM pg_class c CROSS JOIN aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
            WHERE r.rolname = $1 AND c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
            """, row => (Table: row.GetString(0), Privilege: row.GetString(1)), cancellation, role);
        var mayUse = (await connection.QueryAsync("""
            SELECT has_schema_privilege(oid, current_schema(), 'USAGE'), has_database_privilege(oid, current_database(), 'CONNECT') FROM pg_roles WHERE rolname = $1
            """, row => (Schema: row.GetBoolean(0), Database: row.GetBoolean(1)), cancellation, role)).FirstOrDefault((Schema: true, Database: true));

        IEnumerable<Repair> schema = mayUse.Schema ? [] :
            [new($"role {role} may not use the schema", $"DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), {Sql.Literal(role)}); END $$")];
        IEnumerable<Repair> database = mayUse.Database ? [] :
            [new($"role {role} may not connect", $"DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), {Sql.Literal(role)}); END $$")];
        var missing = tables.Where(table => !grants.Contains((table, "SELECT")))
            .Select(table => new Repair($"role {role} may not read {table}", $"GRANT SELECT ON {Sql.Identifier(table)} TO {name}"));
        var excess = grants.Where(grant => grant.Privilege != "SELECT" || !tables.Contains(grant.Table))
            .Select(grant => new Repair($"role {role} has {grant.Privilege} on {grant.Table}", $"REVOKE {grant.Privilege} ON {Sql.Identifier(grant.Table)} FROM {name}"));
        return [.. schema, .. database, .. missing, .. excess];
    }

    /// <summary>Only a superuser sees stored passwords; for anybody else this is false, and the password is set again.</summary>
    private static async Task<bool> HasPasswordAsync(NpgsqlConnection connection, string role, string password, CancellationToken cancellation)
    {
        var readable = await connection.QueryAsync("SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT')", row => row.GetBoolean(0), cancellation);
        if (readable is not [true]) return false;

        var stored = await connection.QueryAsync("SELECT coalesce(rolpassword, '') FROM pg_authid WHERE rolname = $1", row => row.GetString(0), cancellation, role);
        return stored is [var verifier] && ScramVerifier.Matches(verifier, password);
    }

    /// <summary>What is not ASCII the server prepares and hashes itself.</summary>
    private static string Stored(string password) => Ascii.IsValid(password) ? ScramVerifier.Create(password) : password;

    private static string Required(string? password, string role) => !string.IsNullOrEmpty(password)
        ? password
        : throw new InitDbException($"the role {role} has to be made and has no password yet: set Cdc__Password.");
}
