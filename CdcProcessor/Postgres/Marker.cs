using System.Text;
using System.Text.Json;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.Model;

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

    /// <summary>
    /// The markers at this position that can be; null where it is no message of them. Any role of the database may write such messages:
    /// what says that it landed later than it stands here, or has another key than the table, is none of ours.
    /// </summary>
    public static IReadOnlyList<Marker>? TryParse(ReadOnlySpan<byte> content, StarModel model, ulong lsn)
    {
        try
        {
            return JsonSerializer.Deserialize<Marker[]>(content)?.Where(marker => marker?.Table is not null
                && (ulong)(marker.Version >> 64) <= lsn
                && model.Find(marker.Table) is { } table
                && (marker.Key is null || (marker.Key.Count == table.Key.Count && marker.Key.All(value => value is not null)))).ToList();
        }
        catch (JsonException)
        {
            return null;
        }
    }

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
