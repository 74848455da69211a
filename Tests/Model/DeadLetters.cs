namespace AspireCdc.Tests.ModelChecking;

/// <summary>A change that could not be applied. Its position is its landing version.</summary>
internal sealed record DeadLetter(
    Key Key, UInt128 Version, Row Row, Operation Operation, Key? OldKey = null, bool TextUnchanged = false, int Partition = -1);

/// <summary>
/// Open dead letters. What TRUNCATE or a resync has made obsolete stays so: a dead letter below its table's floor is never
/// open again, however late it is written.
/// </summary>
internal sealed class DeadLetters(Rule broken)
{
    private readonly Dictionary<(Key, UInt128), DeadLetter> _open = [];
    private readonly Dictionary<(Table, int), UInt128> _floors = [];

    public IReadOnlyCollection<DeadLetter> Open => _open.Values;

    public bool Has(Key key, UInt128 from = default, UInt128? below = null) =>
        Open.Any(letter => letter.Key == key && letter.Version >= from && letter.Version < (below ?? UInt128.MaxValue));

    public void Add(DeadLetter letter)
    {
        if (letter.Version >= _floors.GetValueOrDefault((letter.Key.Table, letter.Partition)))
            _open[(letter.Key, letter.Version)] = letter;
    }

    public void Resolve(DeadLetter letter) => _open.Remove((letter.Key, letter.Version));

    /// <summary>A later change of its key has landed, deleted or not: applied again, the letter would lose to it.</summary>
    public void SettleOvertaken(ClickHouse clickHouse)
    {
        foreach (var letter in Open.ToArray())
            if (clickHouse.Newest(letter.Key) is { } newest && (newest.Version > letter.Version
                || (broken == Rule.DeadLetterSettlesOnceOvertaken && newest.Row is not null)))
                Resolve(letter);
    }

    public void ResolveBelow(Table table, UInt128 version, int partition = -1)
    {
        if (broken == Rule.TruncateAndResyncResolveDeadLetters)
            return;
        _floors[(table, partition)] = UInt128.Max(version, _floors.GetValueOrDefault((table, partition)));
        foreach (var letter in Open.Where(letter =>
            letter.Key.Table == table && letter.Partition == partition && letter.Version < version).ToArray())
            Resolve(letter);
    }
}
