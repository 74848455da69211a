using System.Buffers.Binary;
using K4os.Compression.LZ4;

namespace AspireCdc.EmbeddedClickHouse.Blocks;

/// <summary>Collects data and writes them as compressed blocks of at most a megabyte. Disposing it writes the last one;
/// <paramref name="target"/> stays open.</summary>
internal sealed class BlockWriter(Stream target) : OneWayStream
{
    private const int BlockSize = 1024 * 1024;
    private const int DataStart = BlockFormat.ChecksumSize + BlockFormat.HeaderSize;

    private readonly byte[] _data = new byte[BlockSize];
    private readonly byte[] _block = new byte[DataStart + LZ4Codec.MaximumOutputSize(BlockSize)];
    private int _length;

    public override bool CanWrite => true;

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (!buffer.IsEmpty)
        {
            var count = Math.Min(buffer.Length, BlockSize - _length);
            buffer[..count].CopyTo(_data.AsMemory(_length));
            _length += count;
            buffer = buffer[count..];
            if (_length == BlockSize)
                await WriteBlockAsync(cancellationToken);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await WriteBlockAsync(CancellationToken.None);
        await base.DisposeAsync();
    }

    private async ValueTask WriteBlockAsync(CancellationToken cancellation)
    {
        if (_length == 0)
            return;
        var stored = LZ4Codec.Encode(_data.AsSpan(0, _length), _block.AsSpan(DataStart));
        _block[BlockFormat.ChecksumSize] = BlockFormat.Lz4Method;
        BinaryPrimitives.WriteInt32LittleEndian(_block.AsSpan(BlockFormat.ChecksumSize + 1), BlockFormat.HeaderSize + stored);
        BinaryPrimitives.WriteInt32LittleEndian(_block.AsSpan(BlockFormat.ChecksumSize + 5), _length);
        BlockFormat.WriteChecksum(_block.AsSpan(0, DataStart + stored));
        _length = 0;
        await target.WriteAsync(_block.AsMemory(0, DataStart + stored), cancellation);
    }
}
