using System.Globalization;
using System.Text;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// Where changes wait that could not be applied. What is settled stays as a row of a higher revision, without its contents: a replay that
/// adds the letter again does not open it.
/// </summary>
internal sealed class DeadLetterTable(ClickHouseClient client, TimeProvider time)
{
    public const string Name = "cdc_dead_letter";

    /// <summary>How many dead letters one retry takes.</summary>
    private const int RetriedAtOnce = 1_000;

    private const string Columns =
        "source_table, key, operation, raw, reason, state, source_partition, lsn, change_version, updated_at, revision";

    public async Task AddAsync(IReadOnlyCollection<DeadLetter> deadLetters, CancellationToken cancellationToken)
    {
        using var rows = new RowBuffer();
        var now = (ulong)(time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMicroseconds;
        foreach (var letter in deadLetters)
        {
            foreach (var text in (ReadOnlySpan<string>)[letter.Table, letter.Key, letter.Operation, letter.Raw, letter.Reason, "open"])
                RowBinary.WriteString(rows, Encoding.UTF8.GetBytes(text));
            RowBinary.WriteInt32(rows, letter.Partition);
            RowBinary.WriteUInt64(rows, letter.Lsn);
            RowBinary.WriteUInt128(rows, letter.Version);
            RowBinary.WriteUInt64(rows, now);
            RowBinary.WriteUInt8(rows, 0);
        }
        await client.InsertAsync($"INSERT INTO {Name} ({Columns})", rows.Written, cancellationToken);
    }

    public Task<long> CountOpenAsync(CancellationToken cancellationToken) => CountOpenAsync("", cancellationToken);

    /// <summary>How many of a table's rows wait.</summary>
    public Task<long> CountOpenAsync(TableMapping table, CancellationToken cancellationToken) =>
        CountOpenAsync($" AND source_table = {ClickHouseSql.Quote(table.Source)}", cancellationToken);

    private async Task<long> CountOpenAsync(string condition, CancellationToken cancellationToken)
    {
        var count = await client.ScalarAsync($"SELECT count() FROM {Name} FINAL WHERE state = 'open'{condition}", cancellationToken);
        return long.Parse(count!, CultureInfo.InvariantCulture);
    }

    /// <summary>Open letters, the oldest first; those with these ids, or all.</summary>
    public async Task<IReadOnlyList<StoredLetter>> ListAsync(
        IReadOnlyCollection<string> ids, int limit, CancellationToken cancellationToken)
    {
        var rows = await client.QueryAsync(
            $"""
            SELECT id, source_table, key, operation, raw, reason, source_partition, lsn, change_version, updated_at
            FROM {Name} FINAL WHERE {Open(ids)} ORDER BY source_partition, change_version, key
                LIMIT {limit.ToString(CultureInfo.InvariantCulture)}
            """, cancellationToken);
        return [.. rows.Select(row => new StoredLetter(row[0]!, row[9]!, new DeadLetter(
            row[1]!, row[2]!, row[3]!, row[4]!, row[5]!, UInt128.Parse(row[8]!, CultureInfo.InvariantCulture),
            ulong.Parse(row[7]!, CultureInfo.InvariantCulture), int.Parse(row[6]!, CultureInfo.InvariantCulture))))];
    }

    /// <summary>The open letters that a retry takes, the oldest first, without their contents; those with these ids, or all.</summary>
    public async Task<IReadOnlyList<WaitingLetter>> WaitingAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        var rows = await client.QueryAsync(
            $"""
            SELECT id, source_partition, length(raw) FROM {Name} FINAL WHERE {Open(ids)}
            ORDER BY source_partition, change_version, key LIMIT {RetriedAtOnce.ToString(CultureInfo.InvariantCulture)}
            """, cancellationToken);
        return [.. rows.Select(row => new WaitingLetter(
            row[0]!, int.Parse(row[1]!, CultureInfo.InvariantCulture), long.Parse(row[2]!, CultureInfo.InvariantCulture)))];
    }

    /// <summary>The keys that open letters of a table name, of changes from <paramref name="bound"/> on.</summary>
    public async Task<IEnumerable<string>> OpenKeysAsync(TableMapping table, UInt128 bound, CancellationToken cancellationToken) =>
        (await client.QueryAsync(
            $"SELECT DISTINCT key FROM {Name} FINAL WHERE state = 'open' AND source_table = {ClickHouseSql.Quote(table.Source)} AND " +
            $"change_version >= {Number(bound)}", cancellationToken))
        .Select(row => row[0]!);

    /// <summary>Somebody does not want them applied any more.</summary>
    public Task DropAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken) =>
        SettleAsync("dropped", Open(ids), cancellationToken);

    /// <summary>A retry has been applied.</summary>
    public Task SettleAsync(TableMapping table, string key, UInt128 version, int partition, CancellationToken cancellationToken) =>
        SettleAsync(
        "retried",
        $"state = 'open' AND source_table = {ClickHouseSql.Quote(table.Source)} AND source_partition = " +
        $"{partition.ToString(CultureInfo.InvariantCulture)} "
            + $"AND key = {ClickHouseSql.Quote(key)} AND change_version = {Number(version)}",
        cancellationToken);

    /// <summary>
    /// Settles the letters whose key has a newer row in landing, deleted or not: a later change has come, and applied again they would lose
    /// to it. Looks at the oldest that are open.
    /// </summary>
    /// <returns>How many.</returns>
    public async Task<int> SettleOvertakenAsync(StarModel model, CancellationToken cancellationToken)
    {
        var settled = new List<string>();
        // Not their contents, which may be large.
        var open = await client.QueryAsync(
            $"""
            SELECT id, source_table, key, change_version FROM {Name} FINAL WHERE {Open([])}
            ORDER BY source_partition, change_version, key LIMIT {RetriedAtOnce.ToString(CultureInfo.InvariantCulture)}
            """, cancellationToken);
        foreach (var letters in open.GroupBy(row => row[1]!))
        {
            // Nothing overtakes a row without a key.
            if (model.Find(letters.Key) is not { AppendOnly: false } table)
                continue;
            var keyed = letters
                .Select(row => (Id: row[0]!, Version: UInt128.Parse(row[3]!, CultureInfo.InvariantCulture),
                    Key: KeyText.Split(table, row[2]!)!))
                .Where(letter => letter.Key is not null).ToList();
            var newest = await new ShownRows(client, table).VersionsAsync([.. keyed.Select(letter => letter.Key)], cancellationToken);
            settled.AddRange(keyed
                .Where(letter => newest.TryGetValue(KeyText.Join(letter.Key), out var version)
                    && UInt128.Parse(version, CultureInfo.InvariantCulture) > letter.Version)
                .Select(letter => letter.Id));
        }
        if (settled.Count > 0)
            await SettleAsync("overtaken", Open(settled), cancellationToken);
        return settled.Count;
    }

    /// <summary>The table was truncated or copied: what is older would come back as a ghost.</summary>
    public Task SettleBelowAsync(TableMapping table, UInt128 bound, int partition, CancellationToken cancellationToken) => SettleAsync(
        "overtaken",
        $"state = 'open' AND source_table = {ClickHouseSql.Quote(table.Source)} AND source_partition = " +
        $"{partition.ToString(CultureInfo.InvariantCulture)} AND change_version < {Number(bound)}",
        cancellationToken);

    private Task SettleAsync(string state, string which, CancellationToken cancellationToken) => client.ExecuteAsync(
        $"""
        INSERT INTO {Name} ({Columns})
        SELECT source_table, key, operation, '', reason, {ClickHouseSql.Quote(state)}, source_partition, lsn, change_version,
            now64(6, 'UTC'), 1
        FROM {Name} FINAL WHERE {which}
        """, cancellationToken);

    private static string Open(IReadOnlyCollection<string> ids) =>
        ids.Count == 0 ? "state = 'open'" : $"state = 'open' AND id IN ({string.Join(", ", ids.Select(ClickHouseSql.Quote))})";

    private static string Number(UInt128 version) => $"toUInt128('{version.ToString(CultureInfo.InvariantCulture)}')";
}

/// <summary>An open letter that a retry takes.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Partition">The topic's partition that its change came from; negative where it came from PostgreSQL.</param>
/// <param name="Bytes">How large the change is that it holds.</param>
internal readonly record struct WaitingLetter(string Id, int Partition, long Bytes);

/// <summary>A letter in the table.</summary>
internal sealed record StoredLetter(string Id, string Time, DeadLetter Letter);
