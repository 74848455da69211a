using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>A landed row's key, read as texts.</summary>
internal static class LandedKey
{
    /// <summary>Expressions for the texts of its columns, for <see cref="Read"/>.</summary>
    public static string Texts(TableMapping table) => string.Join(", ", table.Key.Select(
        column => table.Columns[column].Type.AsText(ClickHouseSql.Name(table.Columns[column].Landing))));

    /// <summary>Takes the texts off what ClickHouse has answered, each in its canonical form.</summary>
    public static IReadOnlyList<string> Read(TableMapping table, ref ReadOnlyMemory<byte> rest)
    {
        var key = new string[table.Key.Count];
        for (var i = 0; i < key.Length; i++)
            key[i] = table.Columns[table.Key[i]].Type.Canonical(RowBinary.ReadBytes(ref rest).Span);
        return key;
    }
}
