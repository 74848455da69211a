namespace AspireCdc.Star.Types;

/// <summary>A type with and without NULL among its values.</summary>
internal static class Nullability
{
    private const string Plain = "Nullable(";
    private const string Category = "LowCardinality(Nullable(";

    /// <summary>The type whose values are the same but NULL; itself if it takes none.</summary>
    public static ColumnType WithoutNull(this ColumnType type) =>
        type.Name.StartsWith(Plain, StringComparison.Ordinal) ? Parse(type.Name[Plain.Length..^1])
        : type.Name.StartsWith(Category, StringComparison.Ordinal) ? Parse($"LowCardinality({type.Name[Category.Length..^2]})")
        : type;

    /// <summary>The type that takes NULL beside its values; null if it cannot (an array, a map).</summary>
    public static ColumnType? WithNull(this ColumnType type)
    {
        if (type.TakesNull)
            return type;
        if (type.NullIsDefault)
            return null;
        return type.Name.StartsWith("LowCardinality(", StringComparison.Ordinal)
            ? Parse($"{Category}{type.Name["LowCardinality(".Length..^1]}))")
            : ColumnType.Nullable(type);
    }

    private static ColumnType Parse(string name) =>
        ColumnType.TryParse(name, out var type) ? type : throw new InvalidOperationException($"There is no type {name}.");
}
