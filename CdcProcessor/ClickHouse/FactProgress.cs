using System.Collections.Concurrent;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>How far the facts are that are derived whole, for the status and the metrics.</summary>
internal sealed class FactProgress
{
    private readonly ConcurrentDictionary<string, FactState> _facts = [];

    /// <summary>By the fact's name.</summary>
    public IReadOnlyDictionary<string, FactState> Facts => _facts;

    public void Clear() => _facts.Clear();

    /// <summary>A fact; one that is not derived whole yet waits for its turn.</summary>
    public void Add(string fact, bool isDone) => _facts[fact] = new FactState(isDone, 0, null);

    /// <summary>It begins, over about so many rows.</summary>
    public void Begin(string fact, long expected) => _facts[fact] = new FactState(false, 0, expected);

    public void Add(string fact, long rows) =>
        _facts.AddOrUpdate(fact, _ => new FactState(false, rows, null), (_, state) => state with { Rows = state.Rows + rows });

    public void End(string fact) => _facts[fact] = new FactState(true, 0, null);
}

/// <summary>How far one fact is.</summary>
/// <param name="IsDone">It has been derived whole by its present definition.</param>
/// <param name="Rows">Rows derived so far, where it is not.</param>
/// <param name="Expected">About how many there are; null before it begins.</param>
internal sealed record FactState(bool IsDone, long Rows, long? Expected);
