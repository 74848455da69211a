using System.Buffers;
using System.Buffers.Binary;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>The parts of ClickHouse's RowBinary format that are not a mapped column's.</summary>
internal static class RowBinary
{
    public static void WriteString(IBufferWriter<byte> output, ReadOnlySpan<byte> utf8)
    {
        WriteVariableLength(output, (uint)utf8.Length);
        output.Write(utf8);
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

    private static void WriteVariableLength(IBufferWriter<byte> output, uint length)
    {
        var bytes = output.GetSpan(5);
        var used = 0;
        for (; length >= 0x80; length >>= 7)
            bytes[used++] = (byte)(length | 0x80);
        bytes[used++] = (byte)length;
        output.Advance(used);
    }
}
