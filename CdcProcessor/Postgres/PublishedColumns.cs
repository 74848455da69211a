using System.Text.Json;
using AspireCdc.CdcProcessor.Postgres.Watch;
using AspireCdc.Star.Model;
using AspireCdc.Star.Postgres;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// Holds the columns that publications send against the model's: what is not sent would land as its default, over good values.
/// </summary>
internal static class PublishedColumns
{
    /// <summary>A column that is computed when it is read (PostgreSQL 18); <c>s</c> is one that is stored.</summary>
    private const string Virtual = "v";

    /// <summary>The faults, each with its cure.</summary>
    public static async Task<IReadOnlyList<CatalogFault>> FaultsAsync(
        PostgresCatalog catalog, ILookup<(string Schema, string Name), RealColumn> tables, StarModel model, string publication,
        CancellationToken cancellationToken)
    {
        // Through JSON, since servers before PostgreSQL 15 have no column lists, and no such column.
        var sent = (await catalog.QueryAsync(
            "SELECT schemaname::text, tablename::text, (to_jsonb(t) -> 'attnames')::text, to_jsonb(t) ->> 'rowfilter' FROM " +
            "pg_publication_tables t WHERE pubname = ANY($1)", cancellationToken,
            [Publications.Of(model, publication).Select(known => known.Name).ToArray()]))
            .ToLookup(row => ((string)row[0]!, (string)row[1]!), row =>
                (Names: row[2] is string names ? JsonSerializer.Deserialize<HashSet<string>>(names) : null, Filter: row[3] as string));
        var version = await catalog.QueryAsync("SELECT current_setting('server_version_num')::int >= 180000", cancellationToken);
        var canPublish = version[0][0] is true;

        var faults = new List<CatalogFault>();
        foreach (var table in model.Tables.Where(table => sent.Contains((table.Schema, table.Name))))
        {
            var entries = sent[(table.Schema, table.Name)].ToList();
            if (entries.All(entry => entry.Filter is not null))
            {
                faults.Add(new(
                    table, $"publication '{publication}' leaves out rows of {table.Source} (WHERE {entries[0].Filter}): " +
                        "publish all of them; 'Api init-db' mends it", IsLossy: true));
            }
            foreach (var column in table.Columns)
            {
                if (tables[(table.Schema, table.Name)].FirstOrDefault(real => real.Name == column.Source) is not { } found)
                    continue;
                if (entries.Any(entry => entry.Names?.Contains(column.Source) ?? found.Generated.Length == 0))
                    continue;
                faults.Add(new(table, $"{table.Source}.{column.Source} {Fault(publication, found.Generated, canPublish)}", IsLossy: true));
            }
        }
        return faults;
    }

    private static string Fault(string publication, string generated, bool canPublish) => generated switch
    {
        "" => $"is left out by the column list of publication '{publication}': 'Api init-db' mends the " +
            "list, or leave the column out of the model",
        Virtual =>
            "is generated when it is read (VIRTUAL), and never sent: make it STORED, or leave it out of the model and compute it in a fact",
        _ when canPublish =>
            $"is generated, and publication '{publication}' does not send it: ALTER PUBLICATION {PostgresSql.Name(publication)} SET " +
            "(publish_generated_columns = stored), or name it in the table's column list",
        _ => "is generated, and this server sends no generated columns (PostgreSQL 18 does): leave it " +
            "out of the model and compute it in a fact",
    };
}
