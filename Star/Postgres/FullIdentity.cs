namespace AspireCdc.Star.Postgres;

/// <summary>
/// What PostgreSQL does not let a table with REPLICA IDENTITY FULL leave out of a publication of updates and deletes: any column and,
/// since PostgreSQL 18, a generated one (its documentation, "Column Lists" and "Generated Column Replication").
/// </summary>
internal static class FullIdentity
{
    private const int RefusesGenerated = 18;

    /// <summary>Why the table cannot be published so; null where it can.</summary>
    /// <param name="columns">The table's columns, generated ones apart.</param>
    /// <param name="generated">Those that the database computes.</param>
    /// <param name="published">Those that are published.</param>
    /// <param name="server">PostgreSQL's major version.</param>
    public static string? Refusal(
        IEnumerable<string> columns, IEnumerable<string> generated, IEnumerable<string> published, int server)
    {
        string[] unpublished = [.. columns.Except(published), .. server >= RefusesGenerated ? generated : []];
        return unpublished.Length == 0 ? null
            : "PostgreSQL refuses every UPDATE and DELETE of such a table once it is published without " +
                string.Join(", ", unpublished);
    }
}
