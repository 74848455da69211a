using System.Text;
using System.Text.Json;
using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// A message that the processor sends itself through the WAL: what landed outside the stream's order is derived when the stream comes by
/// the marker, at the marker's position.
/// </summary>
/// <param name="Table">The table whose facts are to be derived.</param>
/// <param name="Version">The landing version of what landed: of the one row, or the point of the whole copy.</param>
/// <param name="Key">The one row's key, in the order of the mapping; null for a copy of the whole table.</param>
/// <param name="Repair">
/// Nothing has landed: the row of this key is read once more, and lands at the marker's position (see <see cref="RepairReader"/>).
/// </param>
internal sealed record Marker(string Table, UInt128 Version, IReadOnlyList<string>? Key, bool Repair = false)
{
    /// <summary>Each slot has its own: two processors on one database do not hear each other.</summary>
    public static string Prefix(string slot) => "aspirecdc:" + slot;

    public static string Format(IEnumerable<Marker> markers) => JsonSerializer.Serialize(markers);

    public static IReadOnlyList<Marker> Parse(ReadOnlySpan<byte> content) => JsonSerializer.Deserialize<Marker[]>(content) ?? [];

    public RowRef AddKey(ChangeBatch batch, Relation relation)
    {
        if (Key is null)
            return RowRef.None;

        var row = batch.AddRow(relation.Columns.Count);
        for (var i = 0; i < Key.Count; i++)
            batch.SetText(row, relation.Positions[relation.Table.Key[i]], Encoding.UTF8.GetBytes(Key[i]));
        return row;
    }
}
