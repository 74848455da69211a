using System.Text.RegularExpressions;

namespace AspireCdc.ClickHouseMigrator;

/// <summary>
/// What a ClickHouse cluster wants of the same statements: DDL goes <c>ON CLUSTER</c>, and MergeTree engines are the replicated ones, whose
/// path comes from the server's <c>default_replica_path</c> (ClickHouse docs, "Data Replication", "Creating Replicated Tables").
/// </summary>
internal static partial class ClusterDialect
{
    /// <summary>The statement for a cluster of this name, or unchanged where there is none.</summary>
    public static string Apply(string statement, string? cluster)
    {
        if (string.IsNullOrEmpty(cluster))
            return statement;
        // These two name their cluster at the end.
        if (Exchange().IsMatch(statement))
            return $"{statement} ON CLUSTER '{cluster}'";
        var replicated = Engine().Replace(statement, "ENGINE = Replicated${engine}");
        return Target().Replace(replicated, $"${{ddl}} ON CLUSTER '{cluster}'", count: 1);
    }

    [GeneratedRegex(@"\bENGINE\s*=\s*(?!Replicated)(?<engine>\w*MergeTree\b)", RegexOptions.IgnoreCase)]
    private static partial Regex Engine();

    [GeneratedRegex(@"^\s*(?:--[^\n]*\n\s*)*(?:EXCHANGE\s+TABLES|RENAME\s+TABLE)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Exchange();

    [GeneratedRegex(
        @"(?<ddl>^\s*(?:CREATE\s+(?:OR\s+REPLACE\s+)?(?:TABLE|MATERIALIZED\s+VIEW|VIEW|DATABASE)|ALTER\s+TABLE|DROP\s+(?:TABLE|VIEW)|TRUNCATE\s+TABLE)\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?(?:`[^`]*`|[\w.""])+)", RegexOptions.IgnoreCase | RegexOptions.Multiline)]
    private static partial Regex Target();
}
