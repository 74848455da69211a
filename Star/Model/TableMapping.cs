using System.Text;
using System.Text.Json.Serialization;
using AspireCdc.Star.Types;

namespace AspireCdc.Star.Model;

/// <summary>One table in PostgreSQL and the landing table in ClickHouse that mirrors its rows.</summary>
internal sealed record TableMapping
{
    private readonly IReadOnlyList<ColumnMapping> _columns = [];

    /// <summary>The table's schema in PostgreSQL.</summary>
    public string Schema { get; init; } = "public";

    /// <summary>The table's name in PostgreSQL, as it is written without quotes.</summary>
    public required string Name { get; init; }

    /// <summary>The table in ClickHouse.</summary>
    public required string Landing { get; init; }

    /// <summary>Rows are only ever inserted, and the table has no key: its rows are keyed by where they stand in the WAL.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool AppendOnly { get; init; }

    /// <summary>The columns that travel; at least one is the key, unless the table is append-only.</summary>
    public required IReadOnlyList<ColumnMapping> Columns
    {
        get => _columns;
        init
        {
            _columns = [.. value.Select(column => column with { Type = column.Type.For(column.Postgres) })];
            Key = [.. Enumerable.Range(0, value.Count).Where(i => value[i].IsKey)];
        }
    }

    /// <summary>The tables in ClickHouse by which rows that this table points to find its rows.</summary>
    public IReadOnlyList<Companion> Companions { get; init; } = [];

    /// <summary>
    /// The table's identity, in messages, dead letters, progress and on the command line: its name, with the schema
    /// before it unless that is <c>public</c>.
    /// </summary>
    [JsonIgnore]
    public string Source => Schema == "public" ? Name : $"{Schema}.{Name}";

    /// <summary>The places of the key's columns in <see cref="Columns"/>.</summary>
    [JsonIgnore]
    public IReadOnlyList<int> Key { get; private init; } = [];

    /// <summary>The key's columns as ClickHouse names them.</summary>
    [JsonIgnore]
    public IEnumerable<string> KeyColumns => Key.Select(column => Columns[column].Landing);

    /// <summary>What a copy of the table has brought: a copy that was made of other columns or types is not
    /// enough. 16 hexadecimal digits.</summary>
    [JsonIgnore]
    public string Fingerprint => Model.Fingerprint.Of(
        Columns.Select(column => $"{column.Source}\t{column.Landing}\t{column.Type}\t{column.IsKey}")
            .Prepend($"{Schema}\t{Name}\t{Landing}"));

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
/// <param name="Postgres">Its type in PostgreSQL, as <c>format_type</c> writes it.</param>
/// <param name="Landing">Its name in ClickHouse.</param>
/// <param name="Type">Its type in ClickHouse.</param>
/// <param name="IsKey">It belongs to the key.</param>
internal sealed record ColumnMapping(
    string Source, string Postgres, string Landing, ColumnType Type,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool IsKey = false);

/// <summary>
/// A table in ClickHouse that holds, in this order, the columns by which rows of one table point to another and their key; a materialised
/// view of the same name and <c>_view</c> fills it. Facts that take the same way share it.
/// </summary>
/// <param name="Name">The table's name.</param>
/// <param name="Columns">The pointing columns, as the landing table names them, in the order of the other table's key.</param>
internal sealed record Companion(string Name, IReadOnlyList<string> Columns)
{
    /// <summary>The materialised view that fills it.</summary>
    [JsonIgnore]
    public string View => Name + "_view";
}
