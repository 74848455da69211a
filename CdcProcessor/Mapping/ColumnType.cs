using System.Buffers;

namespace AspireCdc.CdcProcessor.Mapping;

/// <summary>A ClickHouse type: its name, and how a value's text becomes RowBinary, exactly or not at all.</summary>
internal abstract class ColumnType(string name)
{
    /// <summary>As ClickHouse writes it (<c>system.columns.type</c>).</summary>
    public string Name { get; } = name;

    /// <summary>Appends the value. False, with nothing appended, if the type cannot hold it.</summary>
    public abstract bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output);

    /// <summary>Appends the type's default, as tombstones hold it.</summary>
    public abstract void WriteDefault(IBufferWriter<byte> output);
}
