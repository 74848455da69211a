using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>Decodes the lines of <c>COPY … TO STDOUT</c> in text format.</summary>
internal static class CopyText
{
    public static RowRef AddRow(ChangeBatch batch, int columns, ReadOnlySpan<byte> line)
    {
        if (line is [.., (byte)'\n'])
            line = line[..^1];

        var row = batch.AddRow(columns);
        for (var i = 0; i < columns; i++)
        {
            var tab = line.IndexOf((byte)'\t');
            var field = tab < 0 ? line : line[..tab];
            if (tab < 0 != (i == columns - 1))
                throw new InvalidDataException($"PostgreSQL's COPY sent a line without its {columns} columns.");

            if (field.SequenceEqual("\\N"u8))
                batch.SetNull(row, i);
            else if (!field.Contains((byte)'\\'))
                batch.SetText(row, i, field);
            else
                Unescape(field, batch, row, i);
            line = line[(tab + 1)..];
        }
        return row;
    }

    private static void Unescape(ReadOnlySpan<byte> field, ChangeBatch batch, RowRef row, int column)
    {
        // Every escape that COPY TO writes is two bytes for one.
        var length = field.Length;
        for (var i = 0; i < field.Length; i++)
        {
            if (field[i] == '\\')
            {
                length--;
                i++;
            }
        }

        var text = batch.SetText(row, column, length);
        for (int i = 0, to = 0; i < field.Length; i++, to++)
        {
            text[to] = field[i] != '\\' ? field[i] : field[++i] switch
            {
                (byte)'b' => (byte)'\b',
                (byte)'f' => (byte)'\f',
                (byte)'n' => (byte)'\n',
                (byte)'r' => (byte)'\r',
                (byte)'t' => (byte)'\t',
                (byte)'v' => (byte)'\v',
                var other => other,
            };
        }
    }
}
