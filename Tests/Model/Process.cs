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

    /// <summary>It has sent a statement: there are few of these, and much depends on when they come.</summary>
    public bool IsAtStatement => _sent.Statement is not null;

    public void Step()
    {
        clickHouse.Apply(_sent);
        _run ??= program().GetEnumerator();
        _run.MoveNext(); // a program never ends by itself
        _sent = _run.Current;
    }

    /// <summary>Whether the step ended it, since a table that it writes to is gone.</summary>
    public bool Fails()
    {
        try
        {
            Step();
            return false;
        }
        catch (TableIsGoneException)
        {
            _sent = Write.Pause; // it has arrived, and found nothing
            return true;
        }
    }

    /// <summary>Kills it. What it had sent without an answer is returned: it may still arrive.</summary>
    public Write Kill()
    {
        var sent = _sent;
        (_run, _sent) = (null, Write.Pause);
        return sent;
    }
}

/// <summary>A program writes to a table that somebody has dropped.</summary>
internal sealed class TableIsGoneException : Exception;
