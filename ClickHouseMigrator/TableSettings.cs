using System.Data.Common;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;
using ClickHouse.Driver.ADO;
using Microsoft.Extensions.Logging;

namespace AspireCdc.ClickHouseMigrator;

/// <summary>
/// How ClickHouse keeps the model's tables. That is no part of a model, and so of no migration: tables that are there already get it too,
/// where the server knows it and nobody has said otherwise, for the table or for the server.
/// </summary>
internal sealed partial class TableSettings(
    ClickHouseConnectionStringBuilder target, string? cluster, ILogger<TableSettings> log, HttpClient? http = null)
{
    /// <summary>
    /// A flood's batches are parts of one size. By twos as many of them go into a merge (5 by default), each row is written anew less often:
    /// merges are two fifths of ClickHouse's CPU then. And of each column the least and the greatest value are kept, by which parts are
    /// left out, but not how many values there are (<c>uniq_v2</c>), which each merge would have to count
    /// (ClickHouse docs, "MergeTree tables settings").
    /// </summary>
    private static readonly IReadOnlyDictionary<string, string> Wanted = new Dictionary<string, string>
    {
        ["merge_selector_base"] = "10",
        ["auto_statistics_types"] = "'basic'",
    };

    /// <summary>Sets what is not set. What the server refuses stays as it is, with a warning: nothing becomes wrong by that.</summary>
    public async Task ApplyAsync(StarModel model, CancellationToken cancellationToken)
    {
        await using var connection = http is null ? new ClickHouseConnection(target.ConnectionString) : new(target.ConnectionString, http);
        var settings = (await ReadAsync(
            connection,
            """
            SELECT name, '' FROM system.merge_tree_settings
            WHERE NOT changed AND (name = 'merge_selector_base' OR name = 'auto_statistics_types' AND value LIKE '%basic%')
            """, cancellationToken)).Select(row => row.Name).ToList();
        var names = model.Tables.Select(table => table.Landing)
            .Concat(model.Tables.SelectMany(table => table.Companions).Select(companion => companion.Name))
            .Concat(model.Facts.SelectMany(fact => new[] { fact.Name, fact.Next })).ToHashSet();
        var tables = await ReadAsync(
            connection,
            "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%ReplacingMergeTree'",
            cancellationToken);
        foreach (var (name, engine) in tables.Where(table => names.Contains(table.Name)))
        {
            var missing = settings.Where(setting => !engine.Contains(setting, StringComparison.Ordinal)).ToList();
            if (missing.Count > 0)
                await SetAsync(connection, name, string.Join(", ", missing.Select(setting => $"{setting} = {Wanted[setting]}")));
        }

        async Task SetAsync(ClickHouseConnection to, string table, string missing)
        {
            try
            {
                await using var command = to.CreateCommand();
                command.CommandText = ClusterDialect.Apply(
                    $"ALTER TABLE {ClickHouseSql.Name(table)} MODIFY SETTING {missing}", cluster);
                await command.ExecuteNonQueryAsync(cancellationToken);
            }
            catch (DbException e)
            {
                LogRefused(table, missing, e.Message.Trim());
            }
        }
    }

    private static async Task<List<(string Name, string Value)>> ReadAsync(
        ClickHouseConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<(string, string)>();
        while (await reader.ReadAsync(cancellationToken))
            rows.Add((reader.GetString(0), reader.GetString(1)));
        return rows;
    }

    [LoggerMessage(EventId = 3, Level = LogLevel.Warning,
        Message = "{Table} keeps its settings: ClickHouse refuses {Settings}, which would spare it some work ({Reason})")]
    private partial void LogRefused(string table, string settings, string reason);
}
