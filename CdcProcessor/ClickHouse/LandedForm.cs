using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// Asks ClickHouse what rows would look like that have not landed: for tables with JSON, whose text no other program writes as it does.
/// </summary>
internal sealed class LandedForm(ClickHouseClient client, TableMapping table)
{
    private readonly string _sql =
        $"SELECT {ShownColumns.LandingRow(table)} FROM rows ORDER BY row_place SETTINGS {ShownColumns.JsonSettings}";

    private readonly bool _hasJson = ShownColumns.HasJson(table);

    /// <summary>The rows, each as its RowBinary; null stays null.</summary>
    public async Task<IReadOnlyList<ReadOnlyMemory<byte>?>> OfAsync(
        IReadOnlyList<ReadOnlyMemory<byte>?> rows, CancellationToken cancellationToken)
    {
        if (!_hasJson || rows.All(row => row is null))
            return rows;

        using var buffer = new RowBuffer();
        for (var i = 0; i < rows.Count; i++)
        {
            if (rows[i] is not { } row)
                continue;
            RowBinary.WriteUInt64(buffer, (ulong)i);
            row.Span.CopyTo(buffer.GetSpan(row.Length));
            buffer.Advance(row.Length);
        }
        var rest = await client.ReadAsync(
            _sql, [new ExternalTable("rows", $"row_place UInt64, {ShownColumns.Structure(table)}", buffer.Written)], cancellationToken);
        var landed = new ReadOnlyMemory<byte>?[rows.Count];
        for (var i = 0; i < rows.Count; i++)
        {
            if (rows[i] is null)
                continue;
            landed[i] = RowBinary.ReadBytes(ref rest);
        }
        return landed;
    }
}
