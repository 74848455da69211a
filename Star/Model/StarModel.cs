namespace AspireCdc.Star.Model;

/// <summary>All that is replicated: the mirrored tables, and the facts that are derived of them. Kept in the file
/// <c>star.json</c> (<see cref="StarFile"/>).</summary>
/// <param name="Tables">The mirrored tables.</param>
/// <param name="Facts">The denormalised tables.</param>
internal sealed record StarModel(IReadOnlyList<TableMapping> Tables, IReadOnlyList<FactMapping> Facts)
{
    /// <summary>A model of nothing: what the first difference starts from.</summary>
    public static StarModel Empty { get; } = new([], []);

    /// <summary>The table of this identity (<see cref="TableMapping.Source"/>), or null.</summary>
    public TableMapping? Find(string source) => Tables.FirstOrDefault(table => table.Source == source);

    /// <summary>The table of this identity.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public TableMapping Table(string source) =>
        Find(source) ?? throw new ArgumentException($"The model has no table '{source}'.", nameof(source));
}
