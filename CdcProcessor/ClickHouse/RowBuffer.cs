using System.Buffers;
using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>Bytes of whole rows: a row that turns out to be impossible is taken back.</summary>
internal sealed class RowBuffer : IBufferWriter<byte>, IDisposable
{
    /// <summary>What a larger row takes is not kept for the next one.</summary>
    private const int Large = BatchPool<byte>.LargestArray;

    /// <summary>More than this comes from no pool: few buffers have it, and a pool would keep their former arrays.</summary>
    private const int Pooled = 1 << 20;

    private readonly byte[] _header;
    private byte[] _bytes = [];

    /// <param name="header">What stands before the rows.</param>
    public RowBuffer(byte[]? header = null)
    {
        _header = header ?? [];
        Clear();
    }

    public int Length { get; private set; }

    public int Rows { get; set; }

    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, Length);

    /// <summary>The rows alone.</summary>
    public ReadOnlyMemory<byte> WrittenRows => Written[_header.Length..];

    /// <summary>Forgets what was written after <paramref name="length"/>.</summary>
    public void TruncateTo(int length) => Length = length;

    /// <summary>Forgets all rows.</summary>
    public void Clear()
    {
        if (_bytes.Length > Large)
            Dispose();
        Length = Rows = 0;
        this.Write(_header);
    }

    public void Advance(int count) => Length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsSpan(Length);
    }

    public void Dispose()
    {
        if (_bytes.Length is > 0 and <= Pooled)
            ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
    }

    private void Reserve(int size)
    {
        if (_bytes.Length - Length >= Math.Max(size, 1))
            return;

        // A large row is most often the only one: doubling would take twice what it needs, and what comes behind it is small.
        var wanted = Length + Math.Max(size, 4096);
        var doubled = Math.Max(_bytes.Length * 2, wanted);
        var larger = wanted > Large ? GC.AllocateUninitializedArray<byte>(wanted + Math.Min(wanted / 8, 1 << 22))
            : doubled > Pooled ? GC.AllocateUninitializedArray<byte>(Math.Min(doubled, Large))
            : ArrayPool<byte>.Shared.Rent(doubled);
        _bytes.AsSpan(0, Length).CopyTo(larger);
        Dispose();
        _bytes = larger;
    }
}
