using System.Buffers.Binary;

namespace AspireCdc.EmbeddedClickHouse.Blocks;

/// <summary>
/// ClickHouse's own compressed stream, which clients ask for with <c>compress=1</c> and send with <c>decompress=1</c>: blocks of a checksum
/// (16 bytes), the method (1), the length with this header but without the checksum (4), the length of
/// the data (4), and the compressed data.
/// </summary>
internal static class BlockFormat
{
    public const int ChecksumSize = 16;
    public const int HeaderSize = 9;
    public const byte Lz4Method = 0x82;
    public const byte ZstdMethod = 0x90;
    public const byte NoMethod = 0x02;

    /// <summary>As ClickHouse has it; also the bound of what a broken header can make us allocate.</summary>
    public const int MaxBlock = 0x40000000;

    public static void WriteChecksum(Span<byte> block)
    {
        var (low, high) = CityHash.Hash128(block[ChecksumSize..]);
        BinaryPrimitives.WriteUInt64LittleEndian(block, low);
        BinaryPrimitives.WriteUInt64LittleEndian(block[8..], high);
    }

    public static bool ChecksumMatches(ReadOnlySpan<byte> checksum, ReadOnlySpan<byte> rest)
    {
        var (low, high) = CityHash.Hash128(rest);
        return BinaryPrimitives.ReadUInt64LittleEndian(checksum) == low && BinaryPrimitives.ReadUInt64LittleEndian(checksum[8..]) == high;
    }
}
