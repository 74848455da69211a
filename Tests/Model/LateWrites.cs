namespace AspireCdc.Tests.ModelChecking;

/// <summary>Writes whose senders are dead. ClickHouse finishes an insert whether or not anybody still waits for it.</summary>
internal sealed class LateWrites(Dice dice, ClickHouse clickHouse)
{
    private readonly List<Write> _writes = [];

    /// <summary>Kills a process. What it had under way is lost, arrives, or arrives later.</summary>
    public void Kill(Process process)
    {
        for (var write = process.Kill(); write is not null; write = write.And)
            Lose(write with { And = null, Statement = write.IfLate ?? write.Statement });
    }

    private void Lose(Write write)
    {
        if (dice.Chance(0.25))
            return;
        if (write.EndsWithItsProcess || dice.Chance(0.3))
            clickHouse.Apply(write);
        else
            _writes.Add(write);
    }

    /// <summary>Returns whether any did.</summary>
    public bool ArriveSome()
    {
        var some = _writes.Where(_ => dice.Chance(0.3)).ToArray();
        foreach (var write in some)
        {
            clickHouse.Apply(write);
            _writes.Remove(write);
        }
        return some.Length > 0;
    }

    /// <summary>Returns whether there were any.</summary>
    public bool ArriveAll()
    {
        var any = _writes.Count > 0;
        _writes.ForEach(clickHouse.Apply);
        _writes.Clear();
        return any;
    }

    /// <summary>A power loss takes them, too.</summary>
    public void Forget() => _writes.Clear();
}
