using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;

namespace AspireCdc.Star.Statements;

/// <summary>The statements that make ClickHouse's tables of a model. Each may run twice, and none names a database.</summary>
internal static class TableStatements
{
    private const string LsnText =
        "lsn_text String ALIAS concat(replaceRegexpOne(hex(intDiv(lsn, 4294967296)), '^0(.)', '\\\\1'), '/', " +
        "replaceRegexpOne(hex(bitAnd(lsn, 4294967295)), '^0(.)', '\\\\1'))";

    private static readonly string[] LandingEnd = ["is_deleted UInt8", "source_partition Int32", "lsn UInt64", "version UInt128", LsnText];
    private static readonly string[] FactEnd = ["is_deleted UInt8", "lsn UInt64", "version UInt256", LsnText];

    /// <summary>A mirrored table. Its granules are small, because what reads it most is a lookup of a few keys.</summary>
    /// <param name="table">The table.</param>
    /// <param name="name">Another name than its own.</param>
    public static string CreateLanding(TableMapping table, string? name = null) => $"""
        CREATE TABLE IF NOT EXISTS {Name(name ?? table.Landing)}
        (
            {Lines([.. table.Columns.Select(column => $"{Name(column.Landing)} {column.Type}"), .. LandingEnd])}
        )
        ENGINE = ReplacingMergeTree(version, is_deleted)
        ORDER BY {Order(LandingOrder(table))}
        SETTINGS index_granularity = 1024
        """;

    /// <summary>A companion's table: which rows point to one of another table, in that one's order.</summary>
    public static string CreateCompanion(TableMapping table, Companion companion)
    {
        var columns = ColumnsOf(table, companion);
        return $"""
            CREATE TABLE IF NOT EXISTS {Name(companion.Name)} ({string.Join(", ", columns.Select(column => $"{Name(column.Landing)} {column.Type.WithoutNull()}"))})
            ENGINE = ReplacingMergeTree
            ORDER BY {Order([.. columns.Select(column => column.Landing)])}
            """;
    }

    /// <summary>The view that fills a companion with what lands from now on.</summary>
    public static string CreateView(TableMapping table, Companion companion) => $"""
        CREATE MATERIALIZED VIEW IF NOT EXISTS {Name(companion.View)} TO {Name(companion.Name)} AS
        {Select(table, companion)}
        """;

    /// <summary>Fills a companion with what has landed already.</summary>
    public static string FillCompanion(TableMapping table, Companion companion) => $"""
        INSERT INTO {Name(companion.Name)}
        {Select(table, companion)}
        """;

    /// <summary>A fact; the table's comment says by which definition.</summary>
    /// <param name="fact">The fact.</param>
    /// <param name="name">Another name than its own.</param>
    public static string CreateFact(FactMapping fact, string? name = null) => $"""
        CREATE TABLE IF NOT EXISTS {Name(name ?? fact.Name)}
        (
            {Lines([.. fact.Columns.Select(column => $"{Name(column.Name)} {column.Type}"), .. FactEnd])}
        )
        ENGINE = ReplacingMergeTree(version, is_deleted)
        ORDER BY {Order([.. fact.Key.Select(column => column.Name)])}
        COMMENT {ClickHouseSql.Quote(fact.Fingerprint)}
        """;

    /// <summary>The columns of a companion: those that point, and the key's that are not among them.</summary>
    public static IReadOnlyList<ColumnMapping> ColumnsOf(TableMapping table, Companion companion) =>
        [.. companion.Columns.Concat(table.KeyColumns).Distinct().Select(name => table.Columns.First(column => column.Landing == name))];

    // Append-only rows have no key: where they stand in the WAL is one.
    private static IReadOnlyList<string> LandingOrder(TableMapping table) =>
        table.AppendOnly ? ["source_partition", "version"] : [.. table.KeyColumns];

    private static string Select(TableMapping table, Companion companion)
    {
        var columns = ColumnsOf(table, companion);
        if (!columns.Any(column => column.Type.TakesNull))
            return $"SELECT {ClickHouseSql.Names(columns.Select(column => column.Landing))} FROM {Name(table.Landing)} " +
                "WHERE is_deleted = 0";

        // A value has to be called like the companion's column, and then hides the landing table's but for its qualified name.
        var values = columns.Select(column =>
            column.Type.TakesNull ? $"assumeNotNull(landed.{Name(column.Landing)}) AS {Name(column.Landing)}" : Name(column.Landing));
        var conditions = columns.Where(column => column.Type.TakesNull).Select(column => $"landed.{Name(column.Landing)} IS NOT NULL");
        return $"SELECT {string.Join(", ", values)} FROM {Name(table.Landing)} AS landed WHERE is_deleted = 0 AND " +
            $"{string.Join(" AND ", conditions)}";
    }

    private static string Lines(IEnumerable<string> columns) => string.Join(",\n    ", columns);

    private static string Order(IReadOnlyList<string> columns) =>
        columns.Count == 1 ? Name(columns[0]) : $"({ClickHouseSql.Names(columns)})";

    private static string Name(string name) => ClickHouseSql.Name(name);
}
