namespace AspireCdc.Star;

/// <summary>The rows of this entity go to ClickHouse, and its table belongs to the publication.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ReplicatedAttribute : Attribute
{
    /// <summary>
    /// The landing table in ClickHouse; by default the table's name and <c>_landing</c>, outside of schema <c>public</c> with the schema
    /// before it.
    /// </summary>
    public string? As { get; init; }

    /// <summary>
    /// Rows are only ever inserted, and the table has no key: it is published for insert only, and its rows are keyed by where they stand
    /// in the WAL.
    /// </summary>
    public bool AppendOnly { get; init; }
}

/// <summary>
/// The column's name in ClickHouse's landing table; by default its name in PostgreSQL, or <c>&lt;table&gt;_id</c> for a key of one column
/// <c>id</c>.
/// </summary>
/// <param name="name">The name.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ReplicatedAsAttribute(string name) : Attribute
{
    /// <summary>The name.</summary>
    public string Name { get; } = name;
}

/// <summary>
/// The column stays in PostgreSQL: neither ClickHouse nor the publication has it, so that its values never leave the server (personal data,
/// say).
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class UnreplicatedAttribute : Attribute;

/// <summary>Text of which few values repeat: <c>LowCardinality(String)</c> in ClickHouse.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class CategoryAttribute : Attribute;

/// <summary>
/// The column's type in ClickHouse, where another than the default is wanted: <c>[ClickHouseType("JSON")]</c>,
/// <c>[ClickHouseType("String")]</c> for a numeric without limits.
/// </summary>
/// <param name="type">The type, as ClickHouse writes it.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ClickHouseTypeAttribute(string type) : Attribute
{
    /// <summary>The type.</summary>
    public string Type { get; } = type;
}

/// <summary>
/// What a renamed column, table or fact was called before, in PostgreSQL; the difference to the last snapshot then is a renaming, not a
/// loss and a new thing.
/// </summary>
/// <param name="name">The old name.</param>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Class)]
public sealed class WasCalledAttribute(string name) : Attribute
{
    /// <summary>The old name.</summary>
    public string Name { get; } = name;
}

/// <summary>
/// A column (or, on the context, a table or fact) that is gone on purpose, so that what replaces it is new and not a renaming.
/// </summary>
/// <param name="name">The old name.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class DroppedAttribute(string name) : Attribute
{
    /// <summary>The name of what is gone: a column's in PostgreSQL, a table's identity, a fact's name.</summary>
    public string Name { get; } = name;
}
