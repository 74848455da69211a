namespace AspireCdc.Star.Difference;

/// <summary>One step from a model to the next.</summary>
/// <param name="Sentence">What it does to which table, and what is copied or derived anew for it.</param>
internal abstract record Operation(string Sentence)
{
    /// <summary>
    /// Its statements for ClickHouse, in order; all of them together may run twice. None where only the processor has something to do.
    /// </summary>
    public abstract IReadOnlyList<string> Statements { get; }
}
