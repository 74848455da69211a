using System.Text;
using System.Text.Json;
using AspireCdc.CdcProcessor.Mapping;

namespace AspireCdc.CdcProcessor.Changes;

/// <summary>Reads rows of the change message back into a batch: values by name, as text.</summary>
internal static class ChangeMessageReader
{
    /// <summary>The relation and the row of a stored message; null where it holds none (it was not readable in the first place).</summary>
    public static (Relation Relation, RowRef Row)? TryRead(string message, Model model, ChangeBatch batch)
    {
        try
        {
            using var json = JsonDocument.Parse(message);
            if (model.Find(json.RootElement.GetProperty("metadata"u8).GetProperty("table"u8).GetString()!) is not { } table)
                return null;

            var relation = Relation.Of(table);
            return (relation, AddRow(batch, relation, json.RootElement.GetProperty("payload"u8)));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Adds the row's mapped columns; those that are absent stay unchanged.</summary>
    public static RowRef AddRow(ChangeBatch batch, Relation relation, JsonElement payload)
    {
        var row = batch.AddRow(relation.Columns.Count);
        for (var i = 0; i < relation.Columns.Count; i++)
        {
            if (!payload.TryGetProperty(relation.Columns[i].Name, out var value))
                continue;
            if (value.ValueKind == JsonValueKind.Null)
                batch.SetNull(row, i);
            else
                batch.SetText(row, i, Encoding.UTF8.GetBytes(value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText()));
        }
        return row;
    }
}
