namespace AspireCdc.Tests.ModelChecking;

/// <summary>Writes whose senders are dead. ClickHouse finishes an insert whether or not anybody still waits for it.</summary>
internal sealed class LateWrites(Dice dice, ClickHouse clickHouse)
{
    private readonly List<Write> _writes = [];

    /// <summary>Kills a process. What it had under way is lost, arrives, or arrives later.</summary>
    public void Kill(Process process)
    {
        for (var write = process.Kill(); write is not null; write = write.And)
            Lose(write with { And = null });
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

    public void ArriveSome()
    {
        foreach (var write in _writes.Where(_ => dice.Chance(0.3)).ToArray())
        {
            clickHouse.Apply(write);
            _writes.Remove(write);
        }
    }

    public void ArriveAll()
    {
        _writes.ForEach(clickHouse.Apply);
        _writes.Clear();
    }

    /// <summary>A power loss takes them, too.</summary>
    public void Forget() => _writes.Clear();
}
