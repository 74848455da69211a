using System.Buffers.Binary;
using K4os.Compression.LZ4;

namespace AspireCdc.EmbeddedClickHouse.Blocks;

/// <summary>Reads the data out of a stream of compressed blocks.</summary>
internal sealed class BlockReader(Stream source) : OneWayStream
{
    private readonly byte[] _checksum = new byte[BlockFormat.ChecksumSize];
    private byte[] _block = [];
    private byte[] _data = [];
    private int _length;
    private int _position;

    public override bool CanRead => true;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_position == _length)
        {
            if (!await ReadBlockAsync(cancellationToken))
                return 0;
        }

        var count = Math.Min(buffer.Length, _length - _position);
        _data.AsMemory(_position, count).CopyTo(buffer);
        _position += count;
        return count;
    }

    private async ValueTask<bool> ReadBlockAsync(CancellationToken cancellation)
    {
        var read = await source.ReadAtLeastAsync(_checksum, _checksum.Length, throwOnEndOfStream: false, cancellation);
        if (read == 0)
            return false;
        if (read < _checksum.Length)
            throw new InvalidDataException("the last compressed block is cut short");

        try
        {
            Reserve(ref _block, BlockFormat.HeaderSize);
            await source.ReadExactlyAsync(_block.AsMemory(0, BlockFormat.HeaderSize), cancellation);
            var method = _block[0];
            var blockLength = Size(_block.AsSpan(1));
            var dataLength = Size(_block.AsSpan(5));
            if (blockLength < BlockFormat.HeaderSize)
                throw new InvalidDataException("the header of a compressed block is broken");

            Reserve(ref _block, blockLength);
            await source.ReadExactlyAsync(_block.AsMemory(BlockFormat.HeaderSize, blockLength - BlockFormat.HeaderSize), cancellation);
            if (!BlockFormat.ChecksumMatches(_checksum, _block.AsSpan(0, blockLength)))
                throw new InvalidDataException("the checksum of a compressed block does not match");

            Reserve(ref _data, dataLength);
            Decompress(method, _block.AsSpan(BlockFormat.HeaderSize, blockLength - BlockFormat.HeaderSize), _data.AsSpan(0, dataLength));
            (_position, _length) = (0, dataLength);
            return true;
        }
        catch (EndOfStreamException)
        {
            throw new InvalidDataException("the last compressed block is cut short");
        }
    }

    private static int Size(ReadOnlySpan<byte> field)
    {
        var size = BinaryPrimitives.ReadUInt32LittleEndian(field);
        return size <= BlockFormat.MaxBlock ? (int)size : throw new InvalidDataException("the header of a compressed block is broken");
    }

    private static void Decompress(byte method, ReadOnlySpan<byte> block, Span<byte> data)
    {
        switch (method)
        {
            case BlockFormat.Lz4Method:
                if (LZ4Codec.Decode(block, data) != data.Length)
                    throw new InvalidDataException("an LZ4 block is broken");
                break;
            case BlockFormat.ZstdMethod:
                using (var zstd = new ZstdSharp.Decompressor())
                {
                    if (zstd.Unwrap(block, data) != data.Length)
                        throw new InvalidDataException("a zstd block is broken");
                }

                break;
            case BlockFormat.NoMethod when block.Length == data.Length:
                block.CopyTo(data);
                break;
            default:
                throw new InvalidDataException($"the compression method 0x{method:x2} of a block is not known");
        }
    }

    /// <summary>Keeps what has been read of the block.</summary>
    private static void Reserve(ref byte[] buffer, int length)
    {
        if (buffer.Length < length)
            Array.Resize(ref buffer, length);
    }
}
