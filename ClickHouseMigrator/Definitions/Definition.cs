using AspireCdc.Star.Difference;
using AspireCdc.Star.Model;

namespace AspireCdc.ClickHouseMigrator.Definitions;

/// <summary>What the C# definitions say.</summary>
/// <param name="Model">The model.</param>
/// <param name="Said">Renamings and losses.</param>
internal sealed record Definition(StarModel Model, SaidChanges Said);

/// <summary>Definitions that cannot be used; the message names every fault with its path and cure.</summary>
internal sealed class DefinitionException(IReadOnlyList<string> faults)
    : Exception($"The definitions are wrong:{string.Concat(faults.Select(fact => $"{Environment.NewLine}  - {fact}."))}")
{
    /// <summary>The faults, each a sentence without a full stop.</summary>
    public IReadOnlyList<string> Faults { get; } = faults;
}
