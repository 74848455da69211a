using AspireCdc.Star.ClickHouse;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// What tells a table from another of its name: its UUID (<c>system.tables.uuid</c>), which is another one after it was made anew,
/// exchanged, replaced or restored.
/// </summary>
internal static class TableIdentities
{
    /// <summary>The identities of the database's tables, by name.</summary>
    public static async Task<IReadOnlyDictionary<string, string>> ReadAsync(ClickHouseClient client, CancellationToken cancellationToken) =>
        (await client.QueryAsync(
            $"SELECT name, toString(uuid) FROM system.tables WHERE database = {ClickHouseSql.Quote(client.Database)}", cancellationToken))
            .ToDictionary(row => row[0]!, row => row[1]!);
}
