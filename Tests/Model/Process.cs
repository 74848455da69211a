namespace AspireCdc.Tests.ModelChecking;

/// <summary>
/// A program that can die anywhere. It is written as an iterator: what it yields is either a pause or a write to send,
/// and the next step is the answer to it.
/// </summary>
internal sealed class Process(Func<IEnumerable<Write>> program, ClickHouse clickHouse)
{
    private IEnumerator<Write>? _run;
    private Write _sent = Write.Pause;

    public bool IsIdle => ReferenceEquals(_sent, Write.Idle);

    public void Step()
    {
        clickHouse.Apply(_sent);
        _run ??= program().GetEnumerator();
        _run.MoveNext(); // a program never ends by itself
        _sent = _run.Current;
    }

    /// <summary>Kills it. What it had sent without an answer is returned: it may still arrive.</summary>
    public Write Kill()
    {
        var sent = _sent;
        (_run, _sent) = (null, Write.Pause);
        return sent;
    }
}
