using System.Text.Json;

namespace AspireCdc.CdcProcessor.Changes;

/// <summary>A message's metadata; what it lacks is null.</summary>
internal struct ChangeMetadata
{
    public string? Table;
    public string? Operation;
    public ulong Lsn;
    public long? CopyBegan;
    public byte[]? Before;
}

/// <summary>Takes a message apart: metadata, and where its payload lies.</summary>
internal static class Envelope
{
    /// <summary>Deeper nesting than any row's.</summary>
    public static JsonReaderOptions Strict { get; } = new() { MaxDepth = 16 };

    /// <summary>The two properties in any order; others are passed over.</summary>
    public static Parts Read(ReadOnlySpan<byte> message)
    {
        var reader = new Utf8JsonReader(message, Strict);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw new UnreadableException("it is not an object");

        var parts = new Parts();
        var hasMetadata = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("metadata"u8))
            {
                reader.Read();
                parts.Metadata = ReadMetadata(ref reader, message);
                hasMetadata = true;
            }
            else if (reader.ValueTextEquals("payload"u8))
            {
                reader.Read();
                parts.Payload = Slice(ref reader, message);
            }
            else
            {
                reader.Skip();
            }
        }

        // What follows the object would be read as JSON, too: there must be nothing.
        reader.Read();
        return hasMetadata ? parts : throw new UnreadableException("it has no metadata");
    }

    private static ChangeMetadata ReadMetadata(ref Utf8JsonReader reader, ReadOnlySpan<byte> message)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new UnreadableException("its metadata is not an object");

        var metadata = new ChangeMetadata();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("table"u8))
                metadata.Table = Text(ref reader);
            else if (reader.ValueTextEquals("operation"u8))
                metadata.Operation = Text(ref reader);
            else if (reader.ValueTextEquals("lsn"u8))
                // for people only: one that cannot be read is no reason to refuse the change
                _ = Lsn.TryParse(Text(ref reader), out metadata.Lsn);
            else if (reader.ValueTextEquals("began"u8))
                metadata.CopyBegan = reader.Read() && reader.TryGetInt64(out var offset) ? offset : null;
            else if (reader.ValueTextEquals("before"u8))
            {
                reader.Read();
                var before = Slice(ref reader, message);
                metadata.Before = before.SequenceEqual("null"u8) ? null : before.ToArray();
            }
            else
                reader.Skip();
        }
        return metadata;
    }

    private static string? Text(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.String)
            return reader.GetString();
        reader.Skip();
        return null;
    }

    private static ReadOnlySpan<byte> Slice(scoped ref Utf8JsonReader reader, ReadOnlySpan<byte> message)
    {
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return message[start..(int)reader.BytesConsumed];
    }

    internal ref struct Parts
    {
        public ChangeMetadata Metadata;
        public ReadOnlySpan<byte> Payload;

        public readonly void Deconstruct(out ChangeMetadata metadata, out ReadOnlySpan<byte> payload)
        {
            metadata = Metadata;
            payload = Payload;
        }
    }
}

/// <summary>A message that cannot be read; says why, as the end of a sentence.</summary>
internal sealed class UnreadableException(string reason) : Exception(reason)
{
    /// <summary>A name out of the message, in quotation marks; a message may hold megabytes where a name belongs.</summary>
    public static string Shown(string name) => name.Length <= 60 ? $"'{name}'" : $"'{name[..60]}…'";
}
