namespace AspireCdc.EmbeddedClickHouse.Engine;

/// <summary>
/// An INSERT whose data are handed over piece by piece. This is the only way in for data: inside the text of a query the engine ends them
/// at the first empty line, drops the rest and reports success.
/// </summary>
internal sealed unsafe class ChdbInsert : IDisposable
{
    private readonly nint _insert;
    private bool _ended;

    internal ChdbInsert(nint insert)
    {
        if (insert == 0)
            throw ClickHouseException.FromEngine("The engine did not begin the insert.");
        _insert = insert;
        if (ChdbConnection.ReadText(LibChdb.InsertError(insert)) is { } error)
        {
            _ended = true;
            Dispose();
            throw ClickHouseException.FromEngine(error);
        }
    }

    /// <summary>False if the engine takes no more, of which <see cref="End"/> throws the reason.</summary>
    public bool Append(ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty)
            return true;
        fixed (byte* bytes = data)
            return LibChdb.Append(_insert, bytes, (nuint)data.Length) == 0;
    }

    /// <summary>Waits until every row is in the table.</summary>
    public QueryStatistics End()
    {
        _ended = true;
        return ChdbConnection.Take(LibChdb.EndInsert(_insert)).Statistics;
    }

    /// <summary>An insert that was not ended is cancelled: what its client did not finish must not stay.</summary>
    public void Dispose()
    {
        if (!_ended)
            LibChdb.CancelInsert(_insert);
        LibChdb.DestroyInsert(_insert);
    }
}
