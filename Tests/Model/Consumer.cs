namespace AspireCdc.Tests.ModelChecking;

/// <summary>
/// One processor of the group: topic → ClickHouse. It shares nothing with the others but ClickHouse and the committed offsets, so
/// their reads and writes interleave freely.
/// </summary>
internal sealed class Consumer(Dice dice, Rule broken, Topic topic, ClickHouse clickHouse, DeadLetters deadLetters, Star star)
{
    private readonly Dictionary<int, int> _positions = [];

    /// <summary>It writes facts to the table beside theirs, by whose definition that is.</summary>
    private bool _isBeside;

    /// <summary>The table that the facts had when it came to write to it.</summary>
    private int _table;

    private bool IsAnother => !_isBeside && clickHouse.FactTable != _table && broken != Rule.ReplacedTableIsNoticed;

    /// <summary>A rebalance. What a revoked partition's batch still has under way goes on; its new owner starts
    /// from the committed offset.</summary>
    public void Assign(IReadOnlyCollection<int> partitions)
    {
        foreach (var revoked in _positions.Keys.Except(partitions).ToArray())
            _positions.Remove(revoked);
        foreach (var partition in partitions)
            _positions.TryAdd(partition, topic.Committed[partition]);
    }

    public void Restart()
    {
        foreach (var partition in _positions.Keys)
            _positions[partition] = topic.Committed[partition];
    }

    public IEnumerable<Write> Run()
    {
        _isBeside = clickHouse is { IsOld: true, HasNext: true };
        _table = clickHouse.FactTable;
        var isWhole = clickHouse.IsWhole && (clickHouse.WholeTable == _table || broken == Rule.RecordNamesItsTable);
        if (clickHouse is { IsOld: false, HasNext: true } && broken != Rule.TableBesideIsGoneFirst)
        {
            if (broken != Rule.DefinitionThatComesBackIsDerivedAnew)
            {
                isWhole = false;
                yield return Write.Of(static store => store.Forget());
            }
            yield return Write.Of(ClickHouse.DropNext);
        }
        var deriving = isWhole ? null : clickHouse.Roots();
        while (true)
        {
            if (IsAnother)
                throw new TableIsGoneException();
            if (deriving is not null && (_positions.Count == 0 || dice.Chance(0.5)))
            {
                foreach (var step in Facts(star.Derive(Page(deriving), position: null)))
                    yield return step;
                if (deriving.Count == 0)
                {
                    deriving = _isBeside && broken != Rule.ReplacedFactIsDerivedInPlace ? [] : null;
                    foreach (var step in _isBeside ? Replace() : Record())
                        yield return step;
                    if (deriving is not null)
                        deriving = clickHouse.Roots();
                }
            }

            // Any processor can be asked, though not more often than it can be done. It asks the one that
            // has the partition, through the topic.
            if (deadLetters.Open.Count > 0 && dice.Chance(0.03))
            {
                var letter = dice.Pick([.. deadLetters.Open]);
                if (broken != Rule.RetryStandsInItsPartition)
                    topic.Append(letter.Partition, new(letter.Operation, default, Retried: letter));
                else
                    foreach (var step in Retry(letter))
                        yield return step;
            }

            var batch =
                UpToRetry(_positions.SelectMany(position => topic.Read(position.Key, position.Value, dice.Between(1, 4)))).ToArray();
            if (batch.Length == 0)
            {
                yield return deriving is null && !IsAnother ? Write.Idle : Write.Pause;
                continue;
            }

            var ends = batch.GroupBy(message => message.Partition)
                .ToDictionary(messages => messages.Key, messages => _positions[messages.Key] + messages.Count());
            foreach (var (partition, end) in ends)
                _positions[partition] = end;

            var rows = new List<Landed>();
            var touched = new HashSet<Key>();
            foreach (var (partition, version, message) in batch)
                Land(message, partition, version, rows, touched);
            var landing = rows.GroupBy(row => row.Key.Table).Select(Write.Of).ToArray();
            var derivation = broken == Rule.LandThenReadThenDerive
                ? Facts(star.Derive(touched, position: null, newest: key => Newest(key, rows))).Concat(landing)
                : landing.Concat(Facts(star.Derive(touched, position: null)));
            foreach (var step in derivation)
                yield return step;
            if (batch[^1].Message.Retried is { } retried && deadLetters.Open.Contains(retried))
                foreach (var step in Retry(retried))
                    yield return step;

            if (broken != Rule.AppliedIsNotDurable)
                clickHouse.Sync();
            yield return Write.Pause;
            foreach (var (partition, end) in ends.Where(end => _positions.ContainsKey(end.Key)))
                topic.Committed[partition] = Math.Max(topic.Committed[partition], end);
        }
    }

    /// <summary>Writes facts where this reader has them.</summary>
    private IEnumerable<Write> Facts(IEnumerable<Write> steps)
    {
        foreach (var step in steps)
        {
            var write = step.Facts.Count == 0 ? step : step with { OnlyBeside = _isBeside, NotBeside = !_isBeside };
            yield return write;
            if (write.OnlyBeside && !clickHouse.HasNext)
                throw new TableIsGoneException();
        }
    }

    private List<Key> Page(Queue<Key> roots)
    {
        var page = new List<Key>();
        for (var size = dice.Between(1, 3); size > 0 && roots.TryDequeue(out var root); size--)
            page.Add(root);
        return page;
    }

    /// <summary>Puts the table beside the facts in their place.</summary>
    private IEnumerable<Write> Replace()
    {
        if (!clickHouse.HasNext)
            throw new TableIsGoneException();
        foreach (var step in broken == Rule.ReplacingMayRunTwice ? ClickHouse.ReplaceByExchange() : ClickHouse.Replace())
            yield return step;
        (_isBeside, _table) = (false, clickHouse.FactTable);
        if (broken == Rule.ReplacedFactIsDerivedInPlace)
            foreach (var step in Record())
                yield return step;
    }

    /// <summary>Records that the facts were derived whole.</summary>
    private IEnumerable<Write> Record()
    {
        if (broken != Rule.WholeFactIsDurable)
            clickHouse.Sync();
        var table = _table;
        yield return Write.Of(store => store.Record(table));
    }

    /// <summary>A batch ends with a retry, so that what follows in its partition follows it here, too.</summary>
    private static IEnumerable<(int Partition, UInt128 Version, Message Message)> UpToRetry(
        IEnumerable<(int Partition, UInt128 Version, Message Message)> messages)
    {
        foreach (var message in messages)
        {
            yield return message;
            if (message.Message.Retried is not null)
                yield break;
        }
    }

    private void Land(Message message, int partition, UInt128 version, List<Landed> rows, HashSet<Key> touched)
    {
        if (message.FirstMark is not null || message.Retried is not null)
            return;
        if (message.SecondMark is { } mark)
        {
            deadLetters.ResolveBelow(mark.Table, mark.First, partition);
            Clear(mark.Table, below: mark.First, at: mark.First);
            return;
        }

        if (message.Operation == Operation.Truncate)
        {
            foreach (var table in message.Truncated)
            {
                deadLetters.ResolveBelow(table, version, partition);
                Clear(table, below: version, at: version);
            }

            return;
        }

        touched.Add(message.Key);
        if (message.Row is null)
        {
            rows.Add(new(message.Key, version, null, partition));
            return;
        }

        var newest = Newest(message.Key, rows);
        if (message.TextAbsent && newest?.Version >= version)
        {
            // Landing has this message already. Its facts may be missing all the same: a crash can have come between.
            if (broken == Rule.SkippedMessageStillDerives)
                touched.Remove(message.Key);
            return;
        }

        var letter = new DeadLetter(message.Key, version, message.Row, message.Operation, OldKey: null, message.TextAbsent, partition);
        if (message.Row.Unreadable || Complete(letter, newest) is not { } row)
            deadLetters.Add(letter);
        else
            rows.Add(new(message.Key, version, row, partition));

        void Clear(Table table, UInt128 below, UInt128 at)
        {
            var cleared = clickHouse.Landing.Concat(rows)
                .Where(row => row.Key.Table == table && row.Version <= below && !deadLetters.Has(row.Key, from: at)
                    && (row.Partition == partition || broken == Rule.TruncateClearsItsPartitionOnly))
                .Select(row => row.Key).ToHashSet();
            rows.AddRange(cleared.Select(key => new Landed(key, at, null, partition)));
            touched.UnionWith(cleared);
        }
    }

    /// <summary>Fills an absent text from the live row before it; null if that is not to be had.</summary>
    private Row? Complete(DeadLetter message, Landed? newest)
    {
        if (!message.TextUnchanged)
            return message.Row;
        if (message.Operation == Operation.Insert)
            return broken == Rule.AbsentColumnOfAnInsertIsADeadLetter ? message.Row with { Text = 0 } : null;
        if (deadLetters.Has(message.Key, below: message.Version) && broken != Rule.AbsentColumnIsNotFilledOverADeadLetter)
            return null;
        return newest?.Row is { } before && newest.Version < message.Version
            ? message.Row with { Text = before.Text }
            : null;
    }

    private Landed? Newest(Key key, IEnumerable<Landed> batch) =>
        batch.Where(row => row.Key == key).Append(clickHouse.Newest(key)).MaxBy(row => row?.Version ?? 0);

    /// <summary>Lands a dead letter at its own version, unless a newer row is there, and derives its facts in any case: an earlier
    /// attempt may have died in between.</summary>
    private IEnumerable<Write> Retry(DeadLetter letter)
    {
        var newest = clickHouse.Newest(letter.Key);
        if (newest is null || newest.Version < letter.Version)
        {
            if (Complete(letter, newest) is not { } row)
                yield break;
            yield return Write.Of([new Landed(letter.Key, letter.Version, row, letter.Partition)]);
        }

        foreach (var step in Facts(star.Derive([letter.Key], position: null)))
            yield return step;
        clickHouse.Sync();
        deadLetters.Resolve(letter);
    }
}
