namespace AspireCdc.EmbeddedClickHouse.Blocks;

/// <summary>The LZ4 block format.</summary>
internal static class Lz4
{
    private const int MinMatch = 4;

    /// <summary>
    /// Writes <paramref name="data"/> as a block of literals, and returns its length. That is LZ4 which every client reads, without the work of finding
    /// repetitions: between two processes of one machine bytes are cheaper.
    /// </summary>
    public static int Store(ReadOnlySpan<byte> data, Span<byte> block)
    {
        var at = 0;
        block[at++] = (byte)(Math.Min(data.Length, 15) << 4);
        if (data.Length >= 15)
        {
            var rest = data.Length - 15;
            for (; rest >= 255; rest -= 255)
                block[at++] = 255;
            block[at++] = (byte)rest;
        }

        data.CopyTo(block[at..]);
        return at + data.Length;
    }

    /// <summary>The longest block that <see cref="Store"/> makes of so many bytes.</summary>
    public static int MaxStored(int length) => length + length / 255 + 2;

    /// <summary>Fills <paramref name="data"/>, whose length is known, from a block.</summary>
    public static void Decompress(ReadOnlySpan<byte> block, Span<byte> data)
    {
        int from = 0, to = 0;
        while (from < block.Length)
        {
            var token = block[from++];
            var literals = Length(block, ref from, token >> 4);
            if (literals > block.Length - from || literals > data.Length - to)
                throw Broken();
            block.Slice(from, literals).CopyTo(data[to..]);
            from += literals;
            to += literals;
            if (from == block.Length)
                break; // the last sequence has no match

            if (from + 2 > block.Length)
                throw Broken();
            var offset = block[from] | (block[from + 1] << 8);
            from += 2;
            var match = Length(block, ref from, token & 15) + MinMatch;
            if (offset == 0 || offset > to || match > data.Length - to)
                throw Broken();

            // A match may overlap what it makes: then it repeats.
            for (var copied = 0; copied < match;)
            {
                var part = Math.Min(match - copied, offset);
                data.Slice(to - offset, part).CopyTo(data[to..]);
                to += part;
                copied += part;
            }
        }

        if (to != data.Length)
            throw Broken();
    }

    private static int Length(ReadOnlySpan<byte> block, ref int from, int length)
    {
        if (length < 15)
            return length;
        byte more;
        do
        {
            if (from >= block.Length)
                throw Broken();
            more = block[from++];
            length = checked(length + more);
        }
        while (more == 255);
        return length;
    }

    private static InvalidDataException Broken() => new("an LZ4 block is broken");
}
