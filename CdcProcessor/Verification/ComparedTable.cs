using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.Verification;

/// <summary>What is compared: a mirrored table, or a fact.</summary>
internal sealed record ComparedTable
{
    private ComparedTable(string name, TableMapping columns, TableMapping root, FactMapping? fact, IReadOnlyList<TableMapping> sources) =>
        (Name, Columns, Root, Fact, Sources) = (name, columns, root, fact, sources);

    /// <summary>As people name it: the table's identity, or the fact's name.</summary>
    public string Name { get; }

    /// <summary>The compared columns: of the mirrored table its own; a fact's are named alike on both sides.</summary>
    public TableMapping Columns { get; init; }

    /// <summary>The mirrored table whose key this has: what lands for it anew.</summary>
    public TableMapping Root { get; }

    /// <summary>The fact; null for a mirrored table.</summary>
    public FactMapping? Fact { get; }

    /// <summary>The mirrored tables that it is made of.</summary>
    public IReadOnlyList<TableMapping> Sources { get; }

    /// <summary>The table in ClickHouse.</summary>
    public string Target => Columns.Landing;

    /// <summary>
    /// Ranges of the key hold the same rows in both databases. Where it has text or a UUID they do not: PostgreSQL orders text by language,
    /// and ClickHouse UUIDs by their second half.
    /// </summary>
    public bool HasCommonOrder => Columns.Key.All(column => Columns.Columns[column] switch
    {
        { Postgres: "bytea" } => true,
        { Type.Name: "String" or "LowCardinality(String)" or "UUID" } => false,
        _ => true,
    });

    public static ComparedTable Of(TableMapping table) => new(table.Source, table, table, null, [table]);

    public static ComparedTable Of(StarModel model, FactMapping fact)
    {
        var root = model.Table(fact.Root);
        var columns = new TableMapping
        {
            Name = fact.Name,
            Landing = fact.Name,
            Columns = [.. fact.Columns.Select((column, i) => new ColumnMapping(
                column.Name, column.IsKey ? root.Columns[root.Key[i]].Postgres : "", column.Name,
                column.IsKey ? root.Columns[root.Key[i]].Type : column.Type, column.IsKey))],
        };
        return new(fact.Name, columns, root, fact, [.. fact.Parents.Select(parent => parent.Table).Prepend(fact.Root).Distinct()
            .Select(model.Table)]);
    }
}
