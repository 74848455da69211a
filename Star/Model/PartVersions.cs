namespace AspireCdc.Star.Model;

/// <summary>
/// The version of a fact behind Kafka, where several readers fill the tables and have no common position: 256 bits, made of the versions of
/// its parts. Rows that point on come before those that they point to; the parts of one level, which do
/// not depend on each other, are summed.
/// </summary>
internal static class PartVersions
{
    /// <summary>The bits of a fact's version (<c>UInt256</c>).</summary>
    public const int Bits = 256;

    /// <summary>The deepest fact: six levels leave 42 bits for each, enough for 4 × 10^12 messages in a partition.</summary>
    public const int MostLevels = 6;

    /// <summary>The aliases of a fact's rows by their distance from the root, which is the first level.</summary>
    public static IReadOnlyList<IReadOnlyList<string>> LevelsOf(FactMapping fact)
    {
        var depth = new Dictionary<string, int> { [FactMapping.RootAlias] = 0 };
        foreach (var parent in fact.Parents)
            depth[parent.Alias] = depth.GetValueOrDefault(parent.Child) + 1;
        return [.. depth.GroupBy(alias => alias.Value, alias => alias.Key).OrderBy(level => level.Key)
            .Select(IReadOnlyList<string> (level) => [.. level])];
    }

    /// <summary>The bits that each level has.</summary>
    public static int BitsOf(FactMapping fact) => Math.Min(64, Bits / LevelsOf(fact).Count);

    /// <summary>The largest version of a part with which no level's sum runs over.</summary>
    public static UInt128 LargestOf(FactMapping fact) =>
        ((UInt128.One << BitsOf(fact)) - 1) / (UInt128)LevelsOf(fact).Max(level => level.Count);
}
