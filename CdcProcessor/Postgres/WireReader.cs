using System.Buffers.Binary;
using System.Text;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>Reads the fields of one message of PostgreSQL's protocols.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    public readonly ReadOnlySpan<byte> Rest => _rest;

    public byte Byte() => Take(1)[0];

    public short Int16() => BinaryPrimitives.ReadInt16BigEndian(Take(2));

    public int Int32() => BinaryPrimitives.ReadInt32BigEndian(Take(4));

    public uint UInt32() => BinaryPrimitives.ReadUInt32BigEndian(Take(4));

    public long Int64() => BinaryPrimitives.ReadInt64BigEndian(Take(8));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64BigEndian(Take(8));

    public string String()
    {
        var end = _rest.IndexOf((byte)0);
        if (end < 0)
            throw new InvalidDataException("it has a text without an end");
        var text = Encoding.UTF8.GetString(Take(end));
        _rest = _rest[1..];
        return text;
    }

    /// <exception cref="InvalidDataException">The message ends before that.</exception>
    public ReadOnlySpan<byte> Take(int length)
    {
        if ((uint)length > (uint)_rest.Length)
            throw new InvalidDataException($"it says that {length} bytes follow, and {_rest.Length} do");
        var taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }
}
