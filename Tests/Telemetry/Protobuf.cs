using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace AspireCdc.Tests.Telemetry;

/// <summary>One message in Protobuf's encoding, by the numbers of its fields.</summary>
internal sealed class Protobuf
{
    private readonly List<(int Field, ulong Number, ReadOnlyMemory<byte> Bytes)> _fields = [];

    public Protobuf(ReadOnlyMemory<byte> message)
    {
        while (message.Length > 0)
        {
            var tag = Varint(ref message);
            var field = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    _fields.Add((field, Varint(ref message), default));
                    break;
                case 1:
                    _fields.Add((field, BinaryPrimitives.ReadUInt64LittleEndian(message.Span), Take(ref message, 8)));
                    break;
                case 2:
                    _fields.Add((field, 0, Take(ref message, (int)Varint(ref message))));
                    break;
                case 5:
                    _fields.Add((field, BinaryPrimitives.ReadUInt32LittleEndian(message.Span), Take(ref message, 4)));
                    break;
                default:
                    throw new InvalidDataException($"Field {field} has wire type {tag & 7}.");
            }
        }
    }

    public bool Has(int field) => _fields.Exists(found => found.Field == field);

    public IEnumerable<Protobuf> Messages(int field) => All(field).Select(found => new Protobuf(found.Bytes));

    public string Text(int field) => string.Concat(All(field).Select(found => Encoding.UTF8.GetString(found.Bytes.Span)));

    public string Hex(int field) => string.Concat(All(field).Select(found => Convert.ToHexStringLower(found.Bytes.Span)));

    public ulong Number(int field) => All(field).Select(found => found.Number).FirstOrDefault();

    public double Double(int field) => BitConverter.UInt64BitsToDouble(Number(field));

    /// <summary>Numbers of 64 bits, packed or one by one.</summary>
    public IEnumerable<ulong> Fixed64(int field) =>
        All(field).SelectMany(found => found.Bytes.ToArray().Chunk(8).Select(bytes => BinaryPrimitives.ReadUInt64LittleEndian(bytes)));

    /// <summary>OpenTelemetry's pairs of key and value, as text.</summary>
    public IReadOnlyDictionary<string, string> Attributes(int field) =>
        Messages(field).ToDictionary(pair => pair.Text(1), pair => ValueOf(pair.Messages(2).Single()));

    private static string ValueOf(Protobuf value) =>
        value.Has(1) ? value.Text(1)
        : value.Has(2) ? value.Number(2) == 1 ? "true" : "false"
        : value.Has(3) ? ((long)value.Number(3)).ToString(CultureInfo.InvariantCulture)
        : value.Has(4) ? value.Double(4).ToString(CultureInfo.InvariantCulture)
        : string.Join(',', value.Messages(5).SelectMany(list => list.Messages(1)).Select(ValueOf));

    private IEnumerable<(int Field, ulong Number, ReadOnlyMemory<byte> Bytes)> All(int field) =>
        _fields.Where(found => found.Field == field);

    private static ReadOnlyMemory<byte> Take(ref ReadOnlyMemory<byte> message, int length)
    {
        var taken = message[..length];
        message = message[length..];
        return taken;
    }

    private static ulong Varint(ref ReadOnlyMemory<byte> message)
    {
        ulong value = 0;
        for (var (i, shift) = (0, 0); ; i++, shift += 7)
        {
            var part = message.Span[i];
            value |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80)
            {
                message = message[(i + 1)..];
                return value;
            }
        }
    }
}
