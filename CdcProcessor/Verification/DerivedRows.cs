using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.Verification;

/// <summary>
/// A fact's rows as its definition derives them now from the mirrored tables, which are compared by themselves: for definitions that
/// PostgreSQL cannot run.
/// </summary>
internal sealed class DerivedRows(ClickHouseClient client, StarModel model, ComparedTable compared) : IExpectedRows
{
    private readonly FactTable _fact = new(model, compared.Fact!, compared.Fact!.Name);
    private readonly ShownRows _rows = new(client, compared.Columns);

    public async Task<RowPage> ReadAsync(IReadOnlyList<string>? after, int limit, CancellationToken cancellationToken)
    {
        var from = after is null ? null : compared.Root.KeyLiteral(after);
        if (await client.QueryAsync(_fact.LastOfPage(from, limit), cancellationToken) is not [var end] || end[^1] == "0")
            return new RowPage([], _ => [], null);

        string[] last = [.. end[..^1].Select((text, i) => compared.Root.Columns[compared.Root.Key[i]].Type.Canonical(
            System.Text.Encoding.UTF8.GetBytes(text!)))];
        var rows = await _rows.ReadAsync(_rows.Select(_fact.Select(_fact.Between(from, compared.Root.KeyLiteral(last)))), [],
            cancellationToken);
        (IReadOnlyList<string> Key, byte[] Row)[] ordered = [.. rows.Values];
        return new RowPage([.. ordered.Select(row => (ReadOnlyMemory<byte>?)row.Row)], row => ordered[row].Key,
            end[^1] == limit.ToString(System.Globalization.CultureInfo.InvariantCulture) ? last : null);
    }

    public async Task<Dictionary<string, byte[]?>> FindAsync(
        IReadOnlyCollection<IReadOnlyList<string>> keys, CancellationToken cancellationToken)
    {
        using var set = KeySet.Of(compared.Root, keys);
        var (condition, beside) = set.In("changed");
        var rows = await _rows.ReadAsync(_rows.Select(_fact.Select($"{_fact.KeyExpression} IN {condition}")),
            beside is null ? [] : [beside], cancellationToken);
        return rows.ToDictionary(row => row.Key, row => (byte[]?)row.Value.Row);
    }
}
