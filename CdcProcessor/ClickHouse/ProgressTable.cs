using System.Globalization;
using System.Text;
using System.Text.Json;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>What has been applied, in the table <c>cdc_progress</c>.</summary>
internal sealed class ProgressTable(ClickHouseClient client, TimeProvider time)
{
    public const string Name = "cdc_progress";

    private const string SourceKind = "source", PositionKind = "position", CopyKind = "copy", FactKind = "fact",
        TableKind = "table", CompanionKind = "companion", PauseKind = "pause";
    private const string ResetKind = "reset", VerificationKind = "verification", Requested = "requested";

    public async Task<Progress> LoadAsync(CancellationToken cancellationToken)
    {
        var rows = await client.QueryAsync($"SELECT kind, name, state, position FROM {Name} FINAL", cancellationToken);
        return new Progress(
            rows.Where(row => row[0] == SourceKind).Select(row => JsonSerializer.Deserialize<SourceIdentity>(row[2]!)).SingleOrDefault(),
            [.. rows.Where(row => row[0] == PositionKind).Select(
                row => new SourcePosition(int.Parse(row[1]!, CultureInfo.InvariantCulture), Position(row), Announced(row)))],
            [.. rows.Where(row => row[0] == CopyKind).Select(row => CopyOf(row[1]!, row[2]!, Position(row)))],
            IsPaused: rows.Any(row => row[0] == PauseKind && row[2] == Requested),
            ResetRequested: rows.Any(row => row[0] == ResetKind && row[2] == Requested))
        {
            Facts = rows.Where(row => row[0] == FactKind && row[2]!.Length > 0).ToDictionary(row => row[1]!, row => row[2]!),
            Tables = rows.Where(row => row[0] == TableKind).ToDictionary(row => row[1]!, row => row[2]!),
            Companions = rows.Where(row => row[0] == CompanionKind).ToDictionary(row => row[1]!, row => row[2]!),
        };

        static ulong Position(string?[] row) => ulong.Parse(row[3]!, CultureInfo.InvariantCulture);

        static ulong Announced(string?[] row) =>
            ulong.TryParse(row[2], NumberStyles.None, CultureInfo.InvariantCulture, out var lsn) ? lsn : 0;
    }

    public Task SaveAsync(SourceIdentity source, CancellationToken cancellationToken) =>
        InsertAsync([(SourceKind, "", JsonSerializer.Serialize(source), 0, Now)], cancellationToken);

    /// <summary>
    /// The position is its own version: what a dead predecessor writes late does not lead back. Behind Kafka its state is the LSN before
    /// which all commits have passed the partition, for readers that wait for a commit.
    /// </summary>
    public Task SaveAsync(IEnumerable<SourcePosition> positions, CancellationToken cancellationToken) => InsertAsync(
        [.. positions.Select(position => (
            PositionKind, position.Partition.ToString(CultureInfo.InvariantCulture),
            position.CommitLsn.ToString(CultureInfo.InvariantCulture),
            position.Position, position.Position))],
        cancellationToken);

    public Task SaveAsync(TableCopy copy, CancellationToken cancellationToken) => SaveAsync([copy], [], cancellationToken);

    /// <summary>Copies, and the identities of tables, as one: what they say of each other is kept or lost together.</summary>
    public Task SaveAsync(
        IReadOnlyCollection<TableCopy> copies, IReadOnlyCollection<(string Name, string Identity)> tables,
        CancellationToken cancellationToken) =>
        copies.Count + tables.Count == 0
            ? Task.CompletedTask
            : InsertAsync(
                [
                    .. copies.Select(copy => (CopyKind, copy.Table, StateOf(copy), copy.Point, Now)),
                    .. tables.Select(table => (TableKind, table.Name, table.Identity, 0ul, Now)),
                ], cancellationToken);

    /// <summary>A fact has been derived whole by this definition, in the table of this identity.</summary>
    public Task SaveAsync(FactMapping fact, string identity, CancellationToken cancellationToken) =>
        InsertAsync(
            [(FactKind, fact.Name, StarFile.Write(fact), 0, Now), (TableKind, fact.Name, identity, 0, Now)], cancellationToken);

    /// <summary>A fact is to be derived whole.</summary>
    public Task ForgetAsync(FactMapping fact, CancellationToken cancellationToken) =>
        InsertAsync([(FactKind, fact.Name, "", 0, Now)], cancellationToken);

    /// <summary>A companion holds what has landed, as of this identity of its table and view.</summary>
    public Task SaveAsync(Companion companion, string identity, CancellationToken cancellationToken) =>
        InsertAsync([(CompanionKind, companion.Name, identity, 0, Now)], cancellationToken);

    /// <summary>The last comparison with PostgreSQL, as JSON; null before the first.</summary>
    public async Task<string?> LoadVerificationAsync(CancellationToken cancellationToken) =>
        await client.ScalarAsync($"SELECT state FROM {Name} FINAL WHERE kind = '{VerificationKind}'", cancellationToken);

    public Task SaveVerificationAsync(string json, CancellationToken cancellationToken) =>
        InsertAsync([(VerificationKind, "", json, 0, Now)], cancellationToken);

    public Task SetPausedAsync(bool paused, CancellationToken cancellationToken) =>
        InsertAsync([(PauseKind, "", paused ? Requested : "", 0, Now)], cancellationToken);

    public Task RequestResetAsync(CancellationToken cancellationToken) =>
        InsertAsync([(ResetKind, "", Requested, 0, Now)], cancellationToken);

    private static string StateOf(TableCopy copy) =>
        $"{copy.State}{(copy.Ranges.Length > 0 ? ":" + copy.Ranges : "")} {copy.Columns} {copy.Form}".TrimEnd();

    /// <summary>The state has its ranges behind a colon, then the copy's columns, and the table's form.</summary>
    private static TableCopy CopyOf(string table, string state, ulong point)
    {
        string[] parts = state.Split(' ', 3);
        string[] word = parts[0].Split(':', 2);
        return new TableCopy(
            table, Enum.Parse<CopyState>(word[0]), point, parts.ElementAtOrDefault(1) ?? "", parts.ElementAtOrDefault(2) ?? "",
            word.ElementAtOrDefault(1) ?? "");
    }

    private ulong Now => (ulong)(time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMicroseconds;

    private async Task InsertAsync(IReadOnlyCollection<(string Kind, string Name, string State, ulong Position, ulong Version)> entries,
        CancellationToken cancellationToken)
    {
        using var rows = new RowBuffer();
        foreach (var (kind, name, state, position, version) in entries)
        {
            RowBinary.WriteString(rows, Encoding.UTF8.GetBytes(kind));
            RowBinary.WriteString(rows, Encoding.UTF8.GetBytes(name));
            RowBinary.WriteString(rows, Encoding.UTF8.GetBytes(state));
            RowBinary.WriteUInt64(rows, position);
            RowBinary.WriteUInt64(rows, Now);
            RowBinary.WriteUInt64(rows, version);
        }
        await client.InsertAsync($"INSERT INTO {Name} (kind, name, state, position, updated_at, version)", rows.Written, cancellationToken);
    }
}
