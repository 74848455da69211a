using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace AspireCdc.Star.ClickHouse;

/// <summary>The parts of ClickHouse's RowBinary format that are not a mapped column's.</summary>
internal static class RowBinary
{
    public static void WriteString(IBufferWriter<byte> output, ReadOnlySpan<byte> utf8)
    {
        WriteLength(output, utf8.Length);
        // Write() would grow the buffer piece by piece: a value of 64 MB would take seven times its size.
        utf8.CopyTo(output.GetSpan(utf8.Length));
        output.Advance(utf8.Length);
    }

    public static void WriteUInt8(IBufferWriter<byte> output, byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }

    public static void WriteInt32(IBufferWriter<byte> output, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(output.GetSpan(4), value);
        output.Advance(4);
    }

    public static void WriteUInt64(IBufferWriter<byte> output, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(output.GetSpan(8), value);
        output.Advance(8);
    }

    public static void WriteUInt128(IBufferWriter<byte> output, UInt128 value)
    {
        BinaryPrimitives.WriteUInt128LittleEndian(output.GetSpan(16), value);
        output.Advance(16);
    }

    /// <summary>
    /// What goes before the rows of RowBinaryWithNamesAndTypes: ClickHouse refuses them where a column has another type by now, and does
    /// not take 29.99 for 0.2999.
    /// </summary>
    public static byte[] Header(IReadOnlyCollection<(string Name, string Type)> columns)
    {
        var header = new ArrayBufferWriter<byte>();
        WriteLength(header, columns.Count);
        foreach (var (name, _) in columns)
            WriteString(header, Encoding.UTF8.GetBytes(name));
        foreach (var (_, type) in columns)
            WriteString(header, Encoding.UTF8.GetBytes(type));
        return header.WrittenSpan.ToArray();
    }

    /// <summary>The length of a string, an array or a map (an unsigned LEB128).</summary>
    public static void WriteLength(IBufferWriter<byte> output, int length)
    {
        var bytes = output.GetSpan(5);
        var rest = (uint)length;
        var used = 0;
        for (; rest >= 0x80; rest >>= 7)
            bytes[used++] = (byte)(rest | 0x80);
        bytes[used++] = (byte)rest;
        output.Advance(used);
    }

    /// <summary>The length of a string or an array, which is taken off <paramref name="rest"/>.</summary>
    public static int ReadLength(ref ReadOnlyMemory<byte> rest)
    {
        var length = 0;
        for (var shift = 0; ; shift += 7)
        {
            var next = rest.Span[0];
            rest = rest[1..];
            length |= (next & 0x7F) << shift;
            if (next < 0x80)
                return length;
        }
    }

    /// <summary>A string, which is taken off <paramref name="rest"/>.</summary>
    public static string ReadString(ref ReadOnlyMemory<byte> rest) => Encoding.UTF8.GetString(ReadBytes(ref rest).Span);

    /// <summary>A string's bytes, which are taken off <paramref name="rest"/>.</summary>
    public static ReadOnlyMemory<byte> ReadBytes(ref ReadOnlyMemory<byte> rest)
    {
        var length = ReadLength(ref rest);
        var bytes = rest[..length];
        rest = rest[length..];
        return bytes;
    }

    /// <summary>A byte, which is taken off <paramref name="rest"/>.</summary>
    public static byte ReadUInt8(ref ReadOnlyMemory<byte> rest)
    {
        var value = rest.Span[0];
        rest = rest[1..];
        return value;
    }

    /// <summary>Sixteen bytes, which are taken off <paramref name="rest"/>.</summary>
    public static UInt128 ReadUInt128(ref ReadOnlyMemory<byte> rest)
    {
        var value = BinaryPrimitives.ReadUInt128LittleEndian(rest.Span);
        rest = rest[16..];
        return value;
    }

    /// <summary>Eight bytes, which are taken off <paramref name="rest"/>.</summary>
    public static ulong ReadUInt64(ref ReadOnlyMemory<byte> rest)
    {
        var value = BinaryPrimitives.ReadUInt64LittleEndian(rest.Span);
        rest = rest[8..];
        return value;
    }
}
