using System.Buffers;
using System.Buffers.Text;
using System.Text;
using AspireCdc.Star.ClickHouse;

namespace AspireCdc.Star.Types;

internal sealed class StringType(string name) : ColumnType(name)
{
    public override ColumnType For(string postgres) => postgres == BytesType.Postgres && Name == "String" ? BytesType.Instance : this;

    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        RowBinary.WriteString(output, text);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output) => RowBinary.WriteString(output, default);

    public override void Skip(ref ReadOnlyMemory<byte> rest) => _ = RowBinary.ReadBytes(ref rest);

    public override string Literal(ReadOnlySpan<byte> text) => ClickHouseSql.Quote(Encoding.UTF8.GetString(text));
}

/// <summary>
/// A <c>bytea</c> as a String of its bytes: <c>\x</c> and hexadecimal digits, or base64, as JSON has it from programs that know no other
/// way.
/// </summary>
internal sealed class BytesType() : ColumnType("String")
{
    public const string Postgres = "bytea";

    public static BytesType Instance { get; } = new();

    private static readonly SearchValues<byte> Hexadecimal = SearchValues.Create("0123456789abcdefABCDEF"u8);

    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (text.StartsWith("\\x"u8))
        {
            text = text[2..];
            if (text.Length % 2 != 0 || text.ContainsAnyExcept(Hexadecimal))
                return false;

            RowBinary.WriteLength(output, text.Length / 2);
            var bytes = output.GetSpan(text.Length / 2);
            _ = Convert.FromHexString(text, bytes, out _, out var count);
            output.Advance(count);
            return true;
        }

        if (!Base64.IsValid(text, out var length))
            return false;
        RowBinary.WriteLength(output, length);
        _ = Base64.DecodeFromUtf8(text, output.GetSpan(Math.Max(length, 1)), out _, out var decoded);
        output.Advance(decoded);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output) => RowBinary.WriteString(output, default);

    public override void Skip(ref ReadOnlyMemory<byte> rest) => _ = RowBinary.ReadBytes(ref rest);

    public override string Canonical(ReadOnlySpan<byte> text) => TryRead(text) is { } hex ? "\\x" + hex : base.Canonical(text);

    public override string Literal(ReadOnlySpan<byte> text) => $"unhex('{TryRead(text)}')";

    public override string AsText(string expression) => $"concat('\\\\x', lower(hex({expression})))";

    private string? TryRead(ReadOnlySpan<byte> text)
    {
        var value = new ArrayBufferWriter<byte>();
        if (!TryWrite(text, value))
            return null;

        ReadOnlyMemory<byte> rest = value.WrittenMemory;
        _ = RowBinary.ReadLength(ref rest);
        return Convert.ToHexStringLower(rest.Span);
    }
}

internal sealed class UuidType() : ColumnType("UUID")
{
    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        if (!TryRead(text, out var value))
            return false;

        // Two little-endian halves.
        var bytes = output.GetSpan(16)[..16];
        value.TryWriteBytes(bytes, bigEndian: true, out _);
        bytes[..8].Reverse();
        bytes[8..].Reverse();
        output.Advance(16);
        return true;
    }

    public override void WriteDefault(IBufferWriter<byte> output)
    {
        output.GetSpan(16)[..16].Clear();
        output.Advance(16);
    }

    public override string Canonical(ReadOnlySpan<byte> text) => TryRead(text, out var value) ? value.ToString() : base.Canonical(text);

    private static bool TryRead(ReadOnlySpan<byte> text, out Guid value) =>
        Utf8Parser.TryParse(text, out value, out var consumed) && consumed == text.Length;
}

/// <summary>A type and NULL beside its values: a byte that says which, before the value.</summary>
internal sealed class NullableType(string name, ColumnType type) : ColumnType(name)
{
    public override bool TakesNull => true;

    public override ColumnType For(string postgres) => new NullableType(Name, type.For(postgres));

    public override ColumnType Within(DateRange range) => new NullableType(Name, type.Within(range));

    public override bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        RowBinary.WriteUInt8(output, 0);
        return type.TryWrite(text, output);
    }

    public override void WriteNull(IBufferWriter<byte> output) => RowBinary.WriteUInt8(output, 1);

    public override void WriteDefault(IBufferWriter<byte> output) => WriteNull(output);

    public override void Skip(ref ReadOnlyMemory<byte> rest)
    {
        if (RowBinary.ReadUInt8(ref rest) == 0)
            type.Skip(ref rest);
    }

    public override string Canonical(ReadOnlySpan<byte> text) => type.Canonical(text);

    public override string Literal(ReadOnlySpan<byte> text) => type.Literal(text);

    public override string AsText(string expression) => type.AsText(expression);
}
