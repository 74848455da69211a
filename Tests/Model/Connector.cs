namespace AspireCdc.Tests.ModelChecking;

/// <summary>
/// PostgreSQL → topic. Ours writes in transactions that fence a predecessor, sends complete rows, TRUNCATE to every partition, and copies
/// tables between two marks. Redpanda Connect (<paramref name="complete"/> is false) leaves unchanged columns out
/// and knows neither TRUNCATE nor resync.
/// </summary>
internal sealed class Connector(Dice dice, Rule broken, Postgres postgres, Topic topic, bool complete, Dice repairs)
{
    private readonly List<(int Partition, Message Message)> _queued = [];
    private readonly List<(int Partition, Message Message)> _stray = [];

    // In the topic itself, and so as old or new as the messages there: up to which snapshot a table has been copied.
    private readonly Dictionary<Table, long> _copied = [];
    private int _acknowledged;
    private int _next;

    /// <summary>How often somebody may still ask for a row once more; a connector that is not ours does not hear of it.</summary>
    public int RepairsLeft { get; set; }

    public IEnumerable<Write> Run()
    {
        _next = _acknowledged;
        while (true)
        {
            if (postgres.Lost.Count > 0)
                foreach (var step in Resync(postgres.Lost.Keys.First()))
                    yield return step;

            if (RepairsLeft > 0 && repairs.Chance(0.2) && postgres.AskForRepair(repairs))
                RepairsLeft--;

            if (_next == postgres.Stream.Count)
            {
                Acknowledge();
                yield return Write.Idle;
                continue;
            }

            foreach (var step in SendNext(dice.Between(1, 6)))
                yield return step;
            if (dice.Chance(0.3))
                Acknowledge();
            yield return Write.Pause;
        }
    }

    /// <summary>A dead connector's open transaction is aborted by its successor's. Without transactions, what it
    /// had queued may still arrive.</summary>
    public void Killed()
    {
        if (broken == Rule.TransactionsFenceThePredecessor)
            _stray.AddRange(_queued);
        _queued.Clear();
        if (broken == Rule.ResyncRemembersItsPoint)
            _copied.Clear();
        if (broken == Rule.KeysKeepTheirPartition)
            topic.Partitioner++;
    }

    public void StrayMessagesArrive()
    {
        foreach (var (partition, message) in _stray)
            topic.Append(partition, message);
        _stray.Clear();
    }

    private IEnumerable<Write> SendNext(int count)
    {
        var batch = postgres.Stream.Skip(_next).Take(count).ToArray();
        foreach (var step in Send(batch.SelectMany(entry => entry.Marker is { } marker ? Messages(marker, entry.Commit)
            : Messages(entry.Change!, entry.Commit)).ToArray()))
            yield return step;
        _next += batch.Length;
    }

    private IEnumerable<Write> Send(IReadOnlyCollection<(int, Message)> messages)
    {
        _queued.AddRange(messages);
        yield return Write.Pause;
        foreach (var (partition, message) in _queued)
            topic.Append(partition, message);
        _queued.Clear();
    }

    private void Acknowledge()
    {
        var sent = _next;
        while (sent > 0 && !postgres.Stream[sent - 1].EndsCommit)
            sent--;
        _acknowledged = Math.Max(_acknowledged, sent);
    }

    private bool IsCovered(Table table, long commit) => commit < _copied.GetValueOrDefault(table);

    private IEnumerable<(int, Message)> Messages(Marker marker, long at)
    {
        if (IsCovered(marker.Table, at))
            return [];
        var row = postgres.ReadForRepair(marker);
        return [Keyed(new(row is null ? Operation.Delete : Operation.Insert, marker.Repaired!.Value, row))];
    }

    private IEnumerable<(int, Message)> Messages(Change change, long commit)
    {
        if (change.Operation == Operation.Truncate)
        {
            var to = broken == Rule.TruncateGoesToEveryPartition ? 1 : Topic.Partitions;
            var tables = change.Truncated.RemoveAll(table => IsCovered(table, commit));
            return Enumerable.Range(0, to).Select(partition => (partition, new Message(Operation.Truncate, default, Truncated: tables)));
        }

        if (IsCovered(change.Key.Table, commit))
            return [];

        if (change.Operation == Operation.Delete)
            return [Keyed(new(Operation.Delete, change.Key))];

        var absent = change.TextUnchanged && !complete;
        var now = change.TextUnchanged && complete
            ? postgres.Read(change.Key, waitUntilVisible: broken != Rule.UnchangedValueIsReadOnceVisible)
            : null;
        var row = absent ? change.Row! with { Text = -1 } // what was not sent cannot be looked at
            : !change.TextUnchanged ? change.Row
            : now is null ? null : change.Row! with { Text = now.Text };
        var moved = change.OldKey is { } old && old != change.Key ? change.OldKey : null;
        var changed = row is null
            ? new Message(Operation.Delete, change.Key)
            : new(moved is null ? change.Operation : Operation.Insert, change.Key, row, absent);
        return moved is { } from ? [Keyed(new(Operation.Delete, from)), Keyed(changed)] : [Keyed(changed)];
    }

    private (int, Message) Keyed(Message message) => (topic.PartitionOf(message.Key), message);

    /// <summary>
    /// Halts the stream and sends a mark to every partition, the table's rows as of a snapshot, and a second mark. What was committed
    /// before the snapshot's point is part of those rows and is left out from then on; the point is remembered
    /// in the transaction of the second mark.
    /// </summary>
    private IEnumerable<Write> Resync(Table table)
    {
        var point = postgres.ConsistentPoint();
        var first = new UInt128[Topic.Partitions];
        for (var partition = 0; partition < Topic.Partitions; partition++)
        {
            first[partition] = topic.NextVersion(partition);
            topic.Append(partition, new(Operation.Insert, default, FirstMark: table));
        }

        yield return Write.Pause;
        foreach (var (key, row) in postgres.ReadAsOf(point, table))
        {
            foreach (var step in Send([Keyed(new(Operation.Insert, key, row))]))
                yield return step;
            if (broken == Rule.ResyncHaltsTheStream)
                foreach (var step in SendNext(1))
                    yield return step;
        }

        for (var partition = 0; partition < Topic.Partitions && broken != Rule.ResyncSweepsBetweenItsMarks; partition++)
            topic.Append(partition, new(Operation.Insert, default, SecondMark: (table, first[partition])));
        if (broken != Rule.ResyncCoversWhatWasBefore)
            _copied[table] = point;
        if (postgres.Lost[table] < point)
            postgres.Lost.Remove(table);
    }
}
