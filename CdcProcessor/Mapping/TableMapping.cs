using System.Text;

namespace AspireCdc.CdcProcessor.Mapping;

/// <summary>One source table and the landing table that holds its rows.</summary>
/// <param name="Source">The table in PostgreSQL, as it is written without quotes.</param>
/// <param name="Landing">The table in ClickHouse.</param>
/// <param name="Columns">The columns that travel; at least one is the key.</param>
internal sealed record TableMapping(string Source, string Landing, params IReadOnlyList<ColumnMapping> Columns)
{
    /// <summary>The table's schema in PostgreSQL.</summary>
    public string Schema { get; init; } = "public";

    /// <summary>The places of the key's columns in <see cref="Columns"/>.</summary>
    public IReadOnlyList<int> Key { get; } = [.. Enumerable.Range(0, Columns.Count).Where(i => Columns[i].IsKey)];

    /// <summary>A key as a literal of ClickHouse's SQL; one of several columns is a tuple.</summary>
    /// <param name="texts">The text of each of its columns: PostgreSQL's, if the column's type takes it, or ClickHouse's own.</param>
    public string KeyLiteral(IReadOnlyList<string?> texts)
    {
        var literal = string.Join(',', Key.Select((column, i) => Columns[column].Type.Literal(Encoding.UTF8.GetBytes(texts[i]!))));
        return Key.Count == 1 ? literal : $"({literal})";
    }
}

/// <summary>One column on its way.</summary>
/// <param name="Source">Its name in PostgreSQL.</param>
/// <param name="Landing">Its name in ClickHouse.</param>
/// <param name="Type">Its type in ClickHouse.</param>
/// <param name="IsKey">It belongs to the primary key.</param>
internal sealed record ColumnMapping(string Source, string Landing, ColumnType Type, bool IsKey = false)
{
    public static ColumnMapping Key(string source, string landing, ColumnType type) => new(source, landing, type, IsKey: true);
}
