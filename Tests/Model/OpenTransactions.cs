namespace AspireCdc.Tests.ModelChecking;

/// <summary>
/// What the server sends of large transactions before they end, with all that is rolled back later, and what the reader makes of it: the
/// stream of whole transactions.
/// </summary>
internal sealed class OpenTransactions(Dice dice, Rule broken)
{
    private readonly List<Entry> _read = [];
    private int _received;

    /// <summary>The stream as the reader hands it on.</summary>
    public List<Entry> Read(IReadOnlyList<Entry> stream)
    {
        while (_received < stream.Count)
        {
            var commit = stream[_received].Commit;
            var transaction = stream.Skip(_received).TakeWhile(entry => entry.Commit == commit).ToList();
            _received += transaction.Count;
            if (transaction[0].Change is null || dice.Chance(0.5))
                _read.AddRange(transaction);
            else
                Receive(transaction);
        }
        return _read;
    }

    private void Receive(IReadOnlyList<Entry> transaction)
    {
        var kept = new List<(Entry Entry, bool IsRolledBack)>();
        foreach (var entry in transaction)
        {
            if (dice.Chance(0.3))
                kept.Add((RolledBack(entry), true));
            kept.Add((entry, false));
        }
        _read.AddRange(broken switch
        {
            // Its commit is not known yet.
            Rule.OpenTransactionWaitsForItsCommit => kept.Select(change => change.Entry with { Commit = change.Entry.Record }),
            Rule.RolledBackPartIsLeftOut => kept.Select(change => change.Entry),
            _ => kept.Where(change => !change.IsRolledBack).Select(change => change.Entry),
        });
    }

    /// <summary>What a subtransaction did before it was rolled back.</summary>
    private Entry RolledBack(Entry before)
    {
        var key = new Key((Table)dice.Below(4), dice.Between(1, 3));
        var row = new Row(dice.Below(1000), dice.Below(1000), dice.Between(1, 3), dice.Between(1, 3), Unreadable: false);
        return before with
        {
            EndsCommit = false,
            Change = dice.Chance(0.3) ? new(Operation.Delete, key, before.Record) { Form = before.Change!.Form }
                : new(Operation.Insert, key, before.Record, row) { Form = before.Change!.Form },
        };
    }
}
