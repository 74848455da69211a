using System.Text.Json.Serialization;
using AspireCdc.Star.Types;

namespace AspireCdc.Star.Model;

/// <summary>One denormalised table: a row for each row of its root, with columns of the rows that it points to.</summary>
internal sealed record FactMapping
{
    /// <summary>The alias of the root's row in expressions.</summary>
    public const string RootAlias = "root";

    /// <summary>The table in ClickHouse.</summary>
    public required string Name { get; init; }

    /// <summary>The identity of the table whose rows it shows (<see cref="TableMapping.Source"/>).</summary>
    public required string Root { get; init; }

    /// <summary>The rows that it shows beside the root's, each after the one that points to it.</summary>
    public IReadOnlyList<ParentMapping> Parents { get; init; } = [];

    /// <summary>Its columns; the root's key first.</summary>
    public required IReadOnlyList<FactColumn> Columns { get; init; }

    /// <summary>The same rows as a query of PostgreSQL's, columns in the same order; null where the definition has no such form.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Postgres { get; init; }

    /// <summary>The columns of its key.</summary>
    [JsonIgnore]
    public IEnumerable<FactColumn> Key => Columns.Where(column => column.IsKey);

    /// <summary>
    /// What its rows are derived by: equal for equal definitions, whatever its companions are called. 16 hexadecimal digits; the table that
    /// has this form has them as its comment.
    /// </summary>
    [JsonIgnore]
    public string Fingerprint => Model.Fingerprint.Of(
        Columns.Select(column => $"{column.Name}\t{column.Type}\t{column.Expression}\t{column.IsKey}")
            .Concat(Parents.Select(parent =>
                $"{parent.Alias}\t{parent.Table}\t{parent.Child}\t{string.Join(',', parent.Columns)}\t{parent.IsOptional}"))
            .Prepend(Root));

    /// <summary>The table beside it into which a changed definition is derived, before the two are exchanged.</summary>
    [JsonIgnore]
    public string Next => Name + "__next";
}

/// <summary>A row that a fact shows beside its root's, reached over one foreign key.</summary>
/// <param name="Alias">Its name in expressions: the path from the root, <c>customer__billing_address</c>.</param>
/// <param name="Table">The identity of its table.</param>
/// <param name="Child">The alias of the row that points to it: <see cref="FactMapping.RootAlias"/>, or another parent's.</param>
/// <param name="Columns">The pointing columns, as the child's landing table names them, in the order of this table's key.</param>
/// <param name="Companion">The child table's companion with these columns.</param>
/// <param name="IsOptional">The fact also shows while this row is not there, with NULL in the place of its values.</param>
internal sealed record ParentMapping(
    string Alias, string Table, string Child, IReadOnlyList<string> Columns, string Companion,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool IsOptional = false);

/// <summary>A column of a fact.</summary>
/// <param name="Name">Its name in the fact table.</param>
/// <param name="Type">Its type in ClickHouse.</param>
/// <param name="Expression">
/// Its value in ClickHouse's SQL, of the type <paramref name="Type"/>: columns of landing tables behind aliases, like <c>root.total</c> or
/// <c>customer__address.city_id</c>. What comes from an optional row is NULL while that is not there.
/// </param>
/// <param name="IsKey">It is a column of the root's key, unchanged.</param>
internal sealed record FactColumn(
    string Name, ColumnType Type, string Expression,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool IsKey = false);
