namespace AspireCdc.Star.Postgres;

/// <summary>
/// The right to read the write-ahead log. It is the attribute REPLICATION; Amazon RDS and Aurora let nobody set that, and have a role whose
/// members may replicate.
/// </summary>
internal static class ReplicationRight
{
    /// <summary>Whether a role has it: an expression over a row of <c>pg_roles</c>, which must have no other name in the query.</summary>
    public const string IsHeld =
        "(rolsuper OR rolreplication OR EXISTS (SELECT FROM pg_roles rds " +
        "WHERE rds.rolname = 'rds_replication' AND pg_has_role(pg_roles.oid, rds.oid, 'MEMBER')))";

    /// <summary>Whether the server is one of those that give it by membership, as an expression.</summary>
    public const string IsByMembership = "EXISTS (SELECT FROM pg_roles rds WHERE rds.rolname = 'rds_replication')";

    /// <summary>The statement that gives it.</summary>
    /// <param name="role">The role, as an identifier.</param>
    /// <param name="byMembership">What <see cref="IsByMembership"/> says of the server.</param>
    public static string Grant(string role, bool byMembership) =>
        byMembership ? $"GRANT rds_replication TO {role}" : $"ALTER ROLE {role} REPLICATION";
}
