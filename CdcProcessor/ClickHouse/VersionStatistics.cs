using System.Collections.ObjectModel;
using AspireCdc.Star.ClickHouse;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// Which tables ClickHouse looks up by <c>version</c> without reading all of that column. With each part that it merges it keeps the
/// least and the greatest value of every column, and leaves out parts that cannot have what is asked for
/// (<c>use_statistics_for_part_pruning</c>, since 26.4; exactly with statistics of the kind <c>basic</c>, as 26.7 has). A flood's
/// parts have them from the start (<see cref="LandingTable.InsertWithStatistics"/>), or each batch would read that column of all that has
/// not been merged. The other tables are left at their keys, and so are all where nobody may ask.
/// </summary>
internal static class VersionStatistics
{
    /// <summary>So many rows without statistics may be read for nothing with each flood's batch: some ten milliseconds.</summary>
    private const int FewRows = 3_000_000;

    public static async Task<IReadOnlySet<string>> TablesAsync(ClickHouseClient client, CancellationToken cancellationToken)
    {
        try
        {
            var isKept = await client.ScalarAsync(
                "SELECT (SELECT count() FROM system.settings WHERE name = 'use_statistics_for_part_pruning' AND value = '1') = 1 AND " +
                "(SELECT count() FROM system.merge_tree_settings WHERE name = 'auto_statistics_types' AND value ILIKE '%basic%') = 1",
                cancellationToken);
            if (isKept != "1")
                return ReadOnlySet<string>.Empty;

            var database = ClickHouseSql.Quote(client.Database);
            var tables = await client.QueryAsync(
                $"""
                SELECT name FROM system.tables WHERE database = {database} AND name NOT IN (
                    SELECT table FROM system.parts_columns
                    WHERE database = {database} AND active AND column = 'version' AND NOT has(statistics, 'Basic')
                    GROUP BY table HAVING sum(rows) > {FewRows})
                """, cancellationToken);
            return tables.Select(row => row[0]!).ToHashSet();
        }
        catch (ClickHouseException e) when (e.Code == ClickHouseException.AccessDenied)
        {
            return ReadOnlySet<string>.Empty;
        }
    }
}
