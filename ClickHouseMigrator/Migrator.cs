using System.Data.Common;
using ClickHouse.Driver.ADO;
using ClickHouse.Driver.Utility;
using Microsoft.Extensions.Logging;

namespace AspireCdc.ClickHouseMigrator;

/// <summary>How one migration stands in the database.</summary>
internal enum MigrationState
{
    /// <summary>It has been applied as it is.</summary>
    Applied,

    /// <summary>It has not been applied.</summary>
    Pending,

    /// <summary>It has been applied, and its file is another one since.</summary>
    Changed,

    /// <summary>It has been applied, and its file is gone.</summary>
    Missing,
}

/// <summary>A line of <c>--status</c>.</summary>
internal sealed record MigrationStatus(string Name, MigrationState State, DateTime? AppliedAt);

/// <summary>
/// Applies the migrations that a database does not have yet, in order. ClickHouse's DDL knows no transactions: a file is recorded after its
/// last statement, so one that was interrupted runs from its start again, and every statement has to be one that may run twice (IF NOT
/// EXISTS).
/// </summary>
internal sealed partial class Migrator(
    ClickHouseConnectionStringBuilder target, string? cluster, ILogger<Migrator> log, HttpClient? http = null)
{
    private const string History = "schema_migration";

    /// <summary>Applies what is pending and returns how many files that were.</summary>
    /// <exception cref="MigrationException">A file was changed, is gone or came too late, or a statement failed.</exception>
    public async Task<int> ApplyAsync(IReadOnlyList<Migration> migrations, CancellationToken cancellationToken)
    {
        await CreateDatabaseAsync(cancellationToken);
        await using var connection = Connect(target);
        await ExecuteAsync(
            connection,
            $"CREATE TABLE IF NOT EXISTS {History} (name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)) " +
            "ENGINE = MergeTree ORDER BY name", cancellationToken);
        var applied = await ReadHistoryAsync(connection, cancellationToken);
        Refuse(migrations, applied);

        var pending = migrations.Where(migration => !applied.ContainsKey(migration.Name)).ToList();
        foreach (var migration in pending)
        {
            var number = 0;
            foreach (var statement in SqlScript.Split(migration.Sql))
            {
                number++;
                try
                {
                    await ExecuteAsync(connection, statement, cancellationToken);
                }
                catch (DbException e)
                {
                    throw new MigrationException(
                        $"Statement {number} of {migration.Name}.sql failed: {e.Message.Trim()} Correct it and start " +
                        "again; what ran before it may run twice.", e);
                }
            }
            await RecordAsync(connection, migration, cancellationToken);
            LogApplied(migration.Name, number);
        }
        if (pending.Count == 0)
            LogUpToDate(migrations.Count);
        return pending.Count;
    }

    /// <summary>How every file stands, in order, and what was applied without having a file any more.</summary>
    public async Task<IReadOnlyList<MigrationStatus>> StatusAsync(IReadOnlyList<Migration> migrations, CancellationToken cancellationToken)
    {
        await using var connection = Connect(Maintenance);
        var applied = await HasHistoryAsync(connection, cancellationToken)
            ? await ReadHistoryAsync(connection, cancellationToken, $"`{target.Database}`.")
            : [];
        var files = migrations.Select(file =>
            !applied.TryGetValue(file.Name, out var record) ? new MigrationStatus(file.Name, MigrationState.Pending, null)
            : new MigrationStatus(
                file.Name, record.Checksum == file.Checksum ? MigrationState.Applied : MigrationState.Changed, record.AppliedAt));
        var replaced = Replaced(migrations);
        var gone = applied.Where(record => migrations.All(file => file.Name != record.Key) && !replaced.Contains(record.Key))
            .Select(record => new MigrationStatus(record.Key, MigrationState.Missing, record.Value.AppliedAt));
        return [.. files.Concat(gone).OrderBy(status => status.Name, StringComparer.Ordinal)];
    }

    // A connection to a database that does not exist yet is refused; "default" always does.
    private ClickHouseConnection Connect(ClickHouseConnectionStringBuilder to) =>
        http is null ? new(to.ConnectionString) : new(to.ConnectionString, http);

    private ClickHouseConnectionStringBuilder Maintenance => new(target.ConnectionString) { Database = "default" };

    private static void Refuse(IReadOnlyList<Migration> migrations, Dictionary<string, HistoryRecord> applied)
    {
        foreach (var migration in migrations)
        {
            if (applied.TryGetValue(migration.Name, out var record) && record.Checksum != migration.Checksum)
            {
                throw new MigrationException(
                    $"{migration.Name}.sql was changed after it had been applied on {record.AppliedAt:u}. Restore the file and put the " +
                    "change into a new one, numbered after the last.");
            }
        }
        // What a newer file stands for is neither missed nor ahead of it.
        var counted = applied.Keys.Except(Replaced(migrations)).ToList();
        if (counted.Except(migrations.Select(migration => migration.Name)).Order(StringComparer.Ordinal).FirstOrDefault() is { } gone)
            throw new MigrationException(
                $"{gone}.sql has been applied, but the file is gone: this is an older version of the " +
                "program, or the file was renamed. Restore it.");
        var last = counted.Max(StringComparer.Ordinal);
        if (migrations.FirstOrDefault(file => !applied.ContainsKey(file.Name) && string.CompareOrdinal(file.Name, last) < 0
            && !file.Replaces.Any(applied.ContainsKey)) is { } late)
            throw new MigrationException(
                $"{late.Name}.sql sorts before {last}.sql, which has been applied already. Rename it so that it comes last.");
    }

    private static HashSet<string> Replaced(IEnumerable<Migration> migrations) =>
        [.. migrations.SelectMany(migration => migration.Replaces)];

    private async Task CreateDatabaseAsync(CancellationToken cancellationToken)
    {
        await using var connection = Connect(Maintenance);
        await ExecuteAsync(connection, $"CREATE DATABASE IF NOT EXISTS `{target.Database}`", cancellationToken);
    }

    private async Task<bool> HasHistoryAsync(ClickHouseConnection connection, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT count() FROM system.tables WHERE database = {{database:String}} AND name = '{History}'";
        command.AddParameter("database", target.Database);
        return Convert.ToInt64(await command.ExecuteScalarAsync(cancellationToken), System.Globalization.CultureInfo.InvariantCulture) > 0;
    }

    private static async Task<Dictionary<string, HistoryRecord>> ReadHistoryAsync(
        ClickHouseConnection connection, CancellationToken cancellationToken, string schema = "")
    {
        await using var command = connection.CreateCommand();
        // Two migrators at once may both have recorded a file.
        command.CommandText = $"SELECT name, argMin(checksum, applied_at), min(applied_at) FROM {schema}{History} GROUP BY name";
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var records = new Dictionary<string, HistoryRecord>(StringComparer.Ordinal);
        while (await reader.ReadAsync(cancellationToken))
            records[reader.GetString(0)] = new(reader.GetString(1), reader.GetDateTime(2));
        return records;
    }

    private static async Task RecordAsync(ClickHouseConnection connection, Migration migration, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = $"INSERT INTO {History} (name, checksum) SELECT {{name:String}}, {{checksum:String}}";
        command.AddParameter("name", migration.Name);
        command.AddParameter("checksum", migration.Checksum);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task ExecuteAsync(ClickHouseConnection connection, string statement, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = ClusterDialect.Apply(statement, cluster);
        // A table that another takes the place of may be of any size.
        foreach (var limit in (string[])["max_table_size_to_drop", "max_partition_size_to_drop"])
            command.CustomSettings[limit] = 0;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private sealed record HistoryRecord(string Checksum, DateTime AppliedAt);

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Applied {Migration} ({Statements} statements)")]
    private partial void LogApplied(string migration, int statements);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message = "Nothing to do: all {Count} migrations have been applied")]
    private partial void LogUpToDate(int count);
}
