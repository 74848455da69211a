using System.Text;
using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>Where changes wait that could not be applied.</summary>
internal sealed class DeadLetterTable(ClickHouseClient client, TimeProvider time)
{
    public const string Name = "cdc_dead_letter";

    public async Task AddAsync(IReadOnlyCollection<DeadLetter> deadLetters, CancellationToken cancellationToken)
    {
        using var rows = new RowBuffer();
        foreach (var letter in deadLetters)
        {
            foreach (var text in (ReadOnlySpan<string>)[letter.Table, letter.Key, letter.Operation, letter.Raw, letter.Reason, "open"])
                RowBinary.WriteString(rows, Encoding.UTF8.GetBytes(text));
            RowBinary.WriteInt32(rows, letter.Partition);
            RowBinary.WriteUInt64(rows, letter.Lsn);
            RowBinary.WriteUInt128(rows, letter.Version);
            RowBinary.WriteUInt64(rows, (ulong)time.GetUtcNow().ToUnixTimeMilliseconds() * 1000);
            RowBinary.WriteUInt8(rows, 0);
        }
        await client.InsertAsync(
            $"INSERT INTO {Name} (source_table, key, operation, raw, reason, state, source_partition, lsn, change_version, updated_at, revision)", rows.Written, cancellationToken);
    }
}
