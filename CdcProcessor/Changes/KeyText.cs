using System.Text;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.Changes;

/// <summary>
/// A key as text, in one form wherever it is written or compared: dead letters, messages, markers, statements. 1.0 and 1.00 are one key,
/// and so is a moment in two zones.
/// </summary>
internal static class KeyText
{
    /// <summary>The values of a row's key, each in its canonical form; empty where the row does not have it.</summary>
    public static IReadOnlyList<string> Of(ChangeBatch batch, Relation relation, RowRef row) =>
        [.. relation.Table.Key.Select(column => relation.Positions[column] is >= 0 and var position
            ? relation.Table.Columns[column].Type.Canonical(batch.Text(row, position))
            : "")];

    /// <summary>
    /// The values as one text, separated by commas. Among several, one that holds a comma, a quotation mark or a backslash stands in
    /// quotation marks.
    /// </summary>
    public static string Join(IReadOnlyList<string> values) => values is [var only] ? only : string.Join(',', values.Select(Quoted));

    /// <summary>The values that <see cref="Join"/> made one text of; null if the text is no key of this table's.</summary>
    public static IReadOnlyList<string>? Split(TableMapping table, string text)
    {
        if (table.Key.Count == 1)
            return [text];

        var values = new List<string>();
        var value = new StringBuilder();
        var isQuoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '"')
                isQuoted = !isQuoted;
            else if (text[i] == ',' && !isQuoted)
                Take();
            else if (text[i] != '\\')
                value.Append(text[i]);
            else if (++i < text.Length)
                value.Append(text[i]);
        }
        Take();
        return values.Count == table.Key.Count && !isQuoted ? values : null;

        void Take()
        {
            values.Add(value.ToString());
            value.Clear();
        }
    }

    private static string Quoted(string value) =>
        value.AsSpan().IndexOfAny(",\"\\") < 0 ? value : $"\"{value.Replace("\\", "\\\\").Replace("\"", "\\\"")}\"";
}
