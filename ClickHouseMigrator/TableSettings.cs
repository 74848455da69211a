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
    private const string SettingsClause = " SETTINGS ";

    /// <summary>
    /// A flood's batches are parts of one size. Where twice as many of them go into a merge (the default is 5), each row is written anew
    /// less often: merges are two fifths of ClickHouse's CPU then. Not so a fact's, whose readers would pay for it with FINAL
    /// (ClickHouse docs, "MergeTree tables settings").
    /// </summary>
    private const string MergesInTens = "merge_selector_base";

    /// <summary>
    /// Of each column the least and the greatest value are kept, by which parts are left out, but not how many values there are
    /// (<c>uniq_v2</c>), which each merge would have to count.
    /// </summary>
    private const string LeastAndGreatest = "auto_statistics_types";

    private static readonly IReadOnlyDictionary<string, string> Wanted = new Dictionary<string, string>
    {
        [MergesInTens] = "10",
        [LeastAndGreatest] = "'basic'",
    };

    /// <summary>Sets what is not set. What the server refuses stays as it is, with a warning: nothing becomes wrong by that.</summary>
    public async Task ApplyAsync(StarModel model, CancellationToken cancellationToken)
    {
        var facts = model.Facts.SelectMany(fact => new[] { fact.Name, fact.Next }).ToHashSet();
        var names = model.Tables.Select(table => table.Landing)
            .Concat(model.Tables.SelectMany(table => table.Companions).Select(companion => companion.Name)).Concat(facts).ToHashSet();
        await using var connection = http is null ? new ClickHouseConnection(target.ConnectionString) : new(target.ConnectionString, http);
        try
        {
            var known = await ReadAsync(
                connection,
                """
                SELECT name FROM system.merge_tree_settings
                WHERE NOT changed AND name NOT IN (SELECT name FROM system.replicated_merge_tree_settings WHERE changed)
                    AND (name = 'merge_selector_base' OR name = 'auto_statistics_types' AND value ILIKE '%basic%')
                """, row => row.GetString(0), cancellationToken);
            var tables = await ReadAsync(
                connection,
                "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%ReplacingMergeTree'",
                row => (Name: row.GetString(0), Engine: row.GetString(1)), cancellationToken);
            foreach (var (name, engine) in tables.Where(table => names.Contains(table.Name)))
            {
                var missing = known.Where(setting => setting != MergesInTens || !facts.Contains(name))
                    .Where(setting => !SaysOf(engine).Contains(setting + " = ", StringComparison.Ordinal)).ToList();
                if (missing.Count > 0)
                    await SetAsync(connection, name, missing, cancellationToken);
            }
        }
        catch (DbException e)
        {
            LogRefused(e.Message.Trim());
        }
    }

    private static string SaysOf(string engine) =>
        engine.LastIndexOf(SettingsClause, StringComparison.Ordinal) is >= 0 and var at ? engine[at..] : "";

    private async Task SetAsync(
        ClickHouseConnection connection, string table, IEnumerable<string> settings, CancellationToken cancellationToken)
    {
        var said = string.Join(", ", settings.Select(setting => $"{setting} = {Wanted[setting]}"));
        await using var command = connection.CreateCommand();
        command.CommandText = ClusterDialect.Apply($"ALTER TABLE {ClickHouseSql.Name(table)} MODIFY SETTING {said}", cluster);
        await command.ExecuteNonQueryAsync(cancellationToken);
        LogSet(table, said);
    }

    private static async Task<List<T>> ReadAsync<T>(
        ClickHouseConnection connection, string sql, Func<DbDataReader, T> read, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken))
            rows.Add(read(reader));
        return rows;
    }

    [LoggerMessage(EventId = 3, Level = LogLevel.Debug, Message = "{Table} is kept with {Settings} from now on")]
    private partial void LogSet(string table, string settings);

    [LoggerMessage(EventId = 4, Level = LogLevel.Warning,
        Message = "The tables keep their settings, which costs ClickHouse some work and is no error: it refuses others ({Reason})")]
    private partial void LogRefused(string reason);
}
