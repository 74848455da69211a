using System.Runtime.InteropServices;
using System.Text;

namespace AspireCdc.EmbeddedClickHouse.Engine;

/// <summary>UTF-8 strings in native memory, laid out as libchdb wants them: an array of pointers and one of lengths.</summary>
internal sealed unsafe class NativeText : IDisposable
{
    private readonly void* _block;

    public NativeText(params ReadOnlySpan<string> texts)
    {
        Count = texts.Length;
        if (Count == 0)
            return;

        var bytes = 0;
        foreach (var text in texts)
            bytes += Encoding.UTF8.GetByteCount(text) + 1;

        var table = (nuint)(Count * (sizeof(byte*) + sizeof(nuint)));
        _block = NativeMemory.Alloc(table + (nuint)bytes);
        Pointers = (byte**)_block;
        Lengths = (nuint*)(Pointers + Count);

        var at = (byte*)_block + table;
        for (var i = 0; i < Count; i++)
        {
            var length = Encoding.UTF8.GetBytes(texts[i], new Span<byte>(at, bytes));
            at[length] = 0;
            Pointers[i] = at;
            Lengths[i] = (nuint)length;
            at += length + 1;
            bytes -= length + 1;
        }
    }

    public int Count { get; }

    public byte** Pointers { get; }

    public nuint* Lengths { get; }

    public void Dispose() => NativeMemory.Free(_block);
}
