using System.Globalization;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>A table's rows as ClickHouse shows them to its readers: with FINAL, and without what is deleted.</summary>
internal sealed class ShownRows(ClickHouseClient client, TableMapping table)
{
    private const string Shown = "is_deleted = 0";

    private readonly string _name = ClickHouseSql.Name(table.Landing);
    private readonly string _order = ClickHouseSql.Names(table.KeyColumns);
    private readonly string _key = ClickHouseSql.Tuple(table.KeyColumns);
    private readonly string _keyTexts = LandedKey.Texts(table);
    private readonly string _row = ShownColumns.Row(table);

    /// <summary>The condition for the keys after one and up to another; null for either end means that there is none.</summary>
    public string Between(IReadOnlyList<string>? after, IReadOnlyList<string>? last)
    {
        string?[] conditions = [after is null ? null : $"{_key} > {table.KeyLiteral(after)}",
            last is null ? null : $"{_key} <= {table.KeyLiteral(last)}"];
        return string.Join(" AND ", conditions.Where(condition => condition is not null).Append(Shown));
    }

    /// <summary>Whether the rows of a range are these, byte for byte and in this order.</summary>
    public async Task<bool> AreAsync(string condition, IReadOnlyList<ReadOnlyMemory<byte>?> rows, CancellationToken cancellationToken)
    {
        var rest = await client.ReadAsync($"SELECT {_row} FROM {_name} FINAL WHERE {condition} ORDER BY {_order} LIMIT {rows.Count + 1}",
            [], cancellationToken);
        foreach (var row in rows)
        {
            if (rest.IsEmpty || row is not { } expected)
                return false;
            if (!RowBinary.ReadBytes(ref rest).Span.SequenceEqual(expected.Span))
                return false;
        }
        return rest.IsEmpty;
    }

    /// <summary>Some rows by <see cref="KeyText.Join"/>, with their keys.</summary>
    public Task<Dictionary<string, (IReadOnlyList<string> Key, byte[] Row)>> ReadAsync(
        string condition, int limit, CancellationToken cancellationToken) =>
        ReadAsync($"SELECT {_keyTexts}, {_row} FROM {_name} FINAL WHERE {condition} ORDER BY {_order} LIMIT {limit}", [],
            cancellationToken);

    /// <summary>Those of the keys that are there.</summary>
    public async Task<Dictionary<string, (IReadOnlyList<string> Key, byte[] Row)>> FindAsync(
        IReadOnlyCollection<IReadOnlyList<string>> keys, CancellationToken cancellationToken)
    {
        using var set = KeySet.Of(table, keys);
        var (condition, beside) = set.In("wanted");
        return await ReadAsync($"SELECT {_keyTexts}, {_row} FROM {_name} FINAL WHERE {_key} IN {condition} AND {Shown}",
            beside is null ? [] : [beside], cancellationToken);
    }

    /// <summary>The version of each key's newest row, deleted or not, by <see cref="KeyText.Join"/>.</summary>
    public async Task<Dictionary<string, string>> VersionsAsync(
        IReadOnlyCollection<IReadOnlyList<string>> keys, CancellationToken cancellationToken)
    {
        using var set = KeySet.Of(table, keys);
        var (condition, beside) = set.In("wanted");
        var rest = await client.ReadAsync(
            $"SELECT {_keyTexts}, toString(max(version)) FROM {_name} WHERE {_key} IN {condition} GROUP BY {_order}",
            beside is null ? [] : [beside], cancellationToken);
        var versions = new Dictionary<string, string>();
        while (!rest.IsEmpty)
            versions[KeyText.Join(LandedKey.Read(table, ref rest))] = RowBinary.ReadString(ref rest);
        return versions;
    }

    /// <summary>The next keys after one, in ClickHouse's order.</summary>
    public async Task<IReadOnlyList<IReadOnlyList<string>>> KeysAsync(
        IReadOnlyList<string>? after, int limit, CancellationToken cancellationToken)
    {
        var rest = await client.ReadAsync(
            string.Create(CultureInfo.InvariantCulture,
                $"SELECT {_keyTexts} FROM {_name} FINAL WHERE {Between(after, null)} ORDER BY {_order} LIMIT {limit}"), [],
                cancellationToken);
        var keys = new List<IReadOnlyList<string>>();
        while (!rest.IsEmpty)
            keys.Add(LandedKey.Read(table, ref rest));
        return keys;
    }

    /// <summary>Rows of any query that selects the key's texts and the row.</summary>
    public async Task<Dictionary<string, (IReadOnlyList<string> Key, byte[] Row)>> ReadAsync(
        string sql, IReadOnlyCollection<ExternalTable> tables, CancellationToken cancellationToken)
    {
        var rest = await client.ReadAsync(sql, tables, cancellationToken);
        var rows = new Dictionary<string, (IReadOnlyList<string>, byte[])>();
        while (!rest.IsEmpty)
        {
            var key = LandedKey.Read(table, ref rest);
            rows[KeyText.Join(key)] = (key, RowBinary.ReadBytes(ref rest).ToArray());
        }
        return rows;
    }

    /// <summary>The key's texts and the row, of a subquery that has the table's columns.</summary>
    public string Select(string from) => $"SELECT {_keyTexts}, {_row} FROM ({from}) WHERE {Shown} ORDER BY {_order}";
}
