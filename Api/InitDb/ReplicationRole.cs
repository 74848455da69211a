using System.Text;
using AspireCdc.Star.Model;
using AspireCdc.Star.Postgres;
using Npgsql;

namespace AspireCdc.Api.InitDb;

/// <summary>The processor's role: it may log in, replicate and read the replicated tables, and nothing else.</summary>
internal static class ReplicationRole
{
    public static async Task<IReadOnlyList<Repair>> FindRepairsAsync(
        NpgsqlConnection connection, string role, string? password, StarModel model, CancellationToken cancellation)
    {
        var name = PostgresSql.Name(role);
        var roles = await connection.QueryAsync($"""
            SELECT rolcanlogin AND {ReplicationRight.IsHeld}, rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls
            FROM pg_roles WHERE rolname = $1
            """, row => (CanReplicate: row.GetBoolean(0), CanMore: row.GetBoolean(1)), cancellation, role);
        var byMembership =
            (await connection.QueryAsync($"SELECT {ReplicationRight.IsByMembership}", row => row.GetBoolean(0), cancellation)).Single();
        var replication = ReplicationRight.Grant(name, byMembership);

        var repairs = new List<Repair>();
        if (roles is not [var rights])
            repairs.Add(new($"role {role} is missing",
                $"CREATE ROLE {name} LOGIN PASSWORD {PostgresSql.Literal(Stored(Required(password, role)))}; {replication}"));
        else
        {
            if (!rights.CanReplicate)
                repairs.Add(new($"role {role} may not log in and replicate", $"ALTER ROLE {name} LOGIN; {replication}"));
            if (rights.CanMore)
                repairs.Add(new(
                    $"role {role} has rights that it does not need", $"ALTER ROLE {name} NOSUPERUSER NOCREATEROLE NOCREATEDB NOBYPASSRLS"));
            if (password is not null && await HasPasswordAsync(connection, role, password, cancellation) is not true and var known)
                repairs.Add(new(known is null ? $"role {role} may have another password" : $"role {role} has another password",
                    $"ALTER ROLE {name} PASSWORD {PostgresSql.Literal(Stored(password))}")
                { IsBlind = known is null });
        }
        repairs.AddRange(await FindGrantsAsync(connection, role, model, cancellation));
        return repairs;
    }

    private static async Task<IEnumerable<Repair>> FindGrantsAsync(
        NpgsqlConnection connection, string role, StarModel model, CancellationToken cancellation)
    {
        var name = PostgresSql.Name(role);
        string[] schemas = [.. model.Tables.Select(table => table.Schema).Append("public").Distinct()];
        var grants = await connection.QueryAsync("""
            SELECT n.nspname, c.relname, a.privilege_type
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN aclexplode(c.relacl) a
                JOIN pg_roles r ON r.oid = a.grantee
            WHERE r.rolname = $1 AND n.nspname = ANY ($2) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
            """, row => (Schema: row.GetString(0), Table: row.GetString(1), Privilege: row.GetString(2)), cancellation, role, schemas);
        var closed = await connection.QueryAsync("""
            SELECT n.nspname FROM pg_roles r CROSS JOIN pg_namespace n
                WHERE r.rolname = $1 AND n.nspname = ANY ($2) AND NOT has_schema_privilege(r.oid, n.oid, 'USAGE') ORDER BY n.nspname
            """, row => row.GetString(0), cancellation, role, schemas);
        var mayConnect = (await connection.QueryAsync(
            "SELECT has_database_privilege(oid, current_database(), 'CONNECT') FROM pg_roles WHERE rolname = $1", row => row.GetBoolean(0),
                cancellation, role)).FirstOrDefault(true);

        var missing = model.Tables.Where(table => !grants.Contains((table.Schema, table.Name, "SELECT")))
            .Select(table =>
                new Repair($"role {role} may not read {table.Source}", $"GRANT SELECT ON {PostgresSql.Name(table)} TO {name}"));
        var excess = grants.Where(grant => grant.Privilege != "SELECT"
            || !model.Tables.Any(table => (table.Schema, table.Name) == (grant.Schema, grant.Table)))
            .Select(grant => new Repair($"role {role} has {grant.Privilege} on {grant.Table}",
                $"REVOKE {grant.Privilege} ON {PostgresSql.Name(grant.Schema)}.{PostgresSql.Name(grant.Table)} FROM {name}"));
        IEnumerable<Repair> database = mayConnect ? [] :
            [new($"role {role} may not connect",
                "DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), " +
                $"{PostgresSql.Literal(role)}); END $$")];
        return [.. closed.Select(schema =>
            new Repair($"role {role} may not use the schema {schema}", $"GRANT USAGE ON SCHEMA {PostgresSql.Name(schema)} TO {name}")),
            .. database, .. missing, .. excess];
    }

    /// <summary>Only a superuser sees stored passwords; for anybody else this is null, and the password is set again.</summary>
    private static async Task<bool?> HasPasswordAsync(
        NpgsqlConnection connection, string role, string password, CancellationToken cancellation)
    {
        var readable = await connection.QueryAsync("SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT')",
            row => row.GetBoolean(0), cancellation);
        if (readable is not [true]) return null;

        var stored = await connection.QueryAsync("SELECT coalesce(rolpassword, '') FROM pg_authid WHERE rolname = $1",
            row => row.GetString(0), cancellation, role);
        return stored is [var verifier] && ScramVerifier.Matches(verifier, password);
    }

    /// <summary>What is not ASCII the server prepares and hashes itself.</summary>
    private static string Stored(string password) => Ascii.IsValid(password) ? ScramVerifier.Create(password) : password;

    private static string Required(string? password, string role) => !string.IsNullOrEmpty(password)
        ? password
        : throw new InitDbException($"the role {role} has to be made and has no password yet: set Cdc__Password.");
}
