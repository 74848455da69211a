using System.Buffers.Binary;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// A transaction that is too large for the server's memory (<c>logical_decoding_work_mem</c>) comes before it ends, in blocks, several
/// transactions at a time (pgoutput's protocol 2, from PostgreSQL 14 on). Nothing of it counts before its commit: until then it is kept,
/// and then read as one that comes whole. The messages are those of PostgreSQL's "Logical Replication Message Formats".
/// </summary>
internal sealed class StreamedTransactions : IDisposable
{
    private readonly Dictionary<uint, Open> _open = [];

    /// <summary>The description of a table that came last, of those that count.</summary>
    private readonly Dictionary<uint, Description> _described = [];
    private Open? _block;
    private long _arrived;

    /// <summary>Whether a message belongs to a transaction that is still open.</summary>
    public bool Has(ReadOnlySpan<byte> message) => _block is not null || message is [(byte)'S' or (byte)'A', ..];

    /// <summary>Keeps a message of an open transaction.</summary>
    /// <exception cref="SpoolException">It cannot be kept.</exception>
    public void Keep(ulong lsn, ReadOnlySpan<byte> message)
    {
        var reader = new WireReader(message);
        var kind = reader.Byte();
        switch ((char)kind)
        {
            case 'S':
                _block = Begin(reader.UInt32(), isFirst: reader.Byte() == 1);
                break;
            case 'E':
                _block = null;
                break;
            case 'A':
                RollBack(reader.UInt32(), reader.UInt32());
                break;
            case 'R':
                var subtransaction = reader.UInt32();
                _block!.Described.Add((subtransaction, Describe(kind, reader.Rest)));
                _block.Spool.Add(lsn, subtransaction, kind, reader.Rest);
                break;
            case 'I' or 'U' or 'D' or 'T' or 'M':
                _block!.Spool.Add(lsn, reader.UInt32(), kind, reader.Rest);
                break;
        }
    }

    /// <summary>A transaction that came before its end has committed; null where a message says something else.</summary>
    public CommittedTransaction? Commit(ReadOnlySpan<byte> message)
    {
        if (message is not [(byte)'c', ..])
            return null;

        var reader = new WireReader(message[1..]);
        var id = reader.UInt32();
        reader.Take(1);
        var (lsn, end, time) = (reader.UInt64(), reader.UInt64(), reader.Int64());
        if (!_open.Remove(id, out var open))
            throw new InvalidDataException($"PostgreSQL commits transaction {id}, of which it has sent nothing.");
        return new CommittedTransaction(open.Spool, Latest(open), id, lsn, end, time);
    }

    /// <summary>A table was described outside of open transactions.</summary>
    public void Described(ReadOnlySpan<byte> message)
    {
        if (message is [(byte)'R', ..])
            Count(Describe(message[0], message[1..]));
    }

    public void Dispose()
    {
        foreach (var open in _open.Values)
            open.Spool.Dispose();
    }

    private Open Begin(uint id, bool isFirst)
    {
        if (isFirst && _open.Remove(id, out var forgotten))
            forgotten.Spool.Dispose();
        return _open.TryGetValue(id, out var open) ? open : _open[id] = new Open();
    }

    private void RollBack(uint id, uint subtransaction)
    {
        if (!_open.TryGetValue(id, out var open))
            return;
        open.Spool.RollBack(subtransaction);
        open.Described.RemoveAll(described => described.Subtransaction == subtransaction);
        if (id != subtransaction)
            return;
        _open.Remove(id);
        open.Spool.Dispose();
    }

    private Description Describe(byte kind, ReadOnlySpan<byte> content) =>
        new(BinaryPrimitives.ReadUInt32BigEndian(content), _arrived++, [kind, .. content]);

    /// <summary>
    /// The server describes a table again only where it has changed since it was described last, whether that was in an open transaction or
    /// not. So after this one those descriptions hold that came last, which need not be its own.
    /// </summary>
    private IReadOnlyList<byte[]> Latest(Open open)
    {
        foreach (var (_, description) in open.Described)
            Count(description);
        return [.. open.Described.Select(described => _described[described.Description.Table].Message).Distinct()];
    }

    private void Count(Description description)
    {
        if (!_described.TryGetValue(description.Table, out var known) || known.Arrived < description.Arrived)
            _described[description.Table] = description;
    }

    private sealed record Description(uint Table, long Arrived, byte[] Message);

    private sealed class Open
    {
        public Spool Spool { get; } = new();

        public List<(uint Subtransaction, Description Description)> Described { get; } = [];
    }
}

/// <summary>A transaction that came before its end, as if it came whole.</summary>
/// <param name="spool">Its messages.</param>
/// <param name="after">Descriptions of tables that hold after it.</param>
/// <param name="id">The lower half of its id.</param>
/// <param name="lsn">The LSN of its commit.</param>
/// <param name="end">The end of its commit's record.</param>
/// <param name="time">When it was committed, in microseconds since 2000.</param>
internal sealed class CommittedTransaction(Spool spool, IReadOnlyList<byte[]> after, uint id, ulong lsn, ulong end, long time) : IDisposable
{
    /// <summary>The messages by which protocol 1 would have sent it, each with its record's LSN.</summary>
    /// <exception cref="SpoolException">What was kept cannot be read.</exception>
    public IEnumerable<(ulong Lsn, ReadOnlyMemory<byte> Message)> Read(CancellationToken cancellationToken)
    {
        yield return (lsn, Begin());
        foreach (var kept in spool.Read(cancellationToken))
            yield return kept;
        foreach (var description in after)
            yield return (lsn, description);
        yield return (lsn, Commit());
    }

    public void Dispose() => spool.Dispose();

    private byte[] Begin()
    {
        var message = new byte[1 + 8 + 8 + 4];
        message[0] = (byte)'B';
        BinaryPrimitives.WriteUInt64BigEndian(message.AsSpan(1), lsn);
        BinaryPrimitives.WriteInt64BigEndian(message.AsSpan(9), time);
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(17), id);
        return message;
    }

    private byte[] Commit()
    {
        var message = new byte[1 + 1 + 8 + 8 + 8];
        message[0] = (byte)'C';
        BinaryPrimitives.WriteUInt64BigEndian(message.AsSpan(2), lsn);
        BinaryPrimitives.WriteUInt64BigEndian(message.AsSpan(10), end);
        BinaryPrimitives.WriteInt64BigEndian(message.AsSpan(18), time);
        return message;
    }
}
