using System.Text.Json;

namespace AspireCdc.CdcProcessor.Postgres.Watch;

/// <summary>What an event trigger has put into the WAL (<see cref="Star.Postgres.SchemaTrigger"/>), in the order of the rows.</summary>
/// <param name="Event"><c>table_rewrite</c>, <c>ddl_command_end</c> or <c>sql_drop</c>.</param>
/// <param name="Tag">The command: <c>ALTER TABLE</c>.</param>
/// <param name="Oid">The table that it concerns; of a partition, the table above all.</param>
/// <param name="Partition">The partition that it concerns; 0 where it is none.</param>
/// <param name="Reason">Why a table is rewritten: 2 for a column's default, 4 for its type; others leave the values.</param>
internal sealed record SchemaMessage(string Event, string Tag, uint Oid, uint Partition = 0, int Reason = 0)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <summary>Values change, and no row has an event.</summary>
    public bool RewritesValues => Event == "table_rewrite" && (Reason & 6) != 0;

    /// <summary>A table was made as a partition: it was empty when its rows began to be published.</summary>
    public bool MakesPartition => Event == "ddl_command_end" && Tag == "CREATE TABLE" && Partition != 0;

    /// <summary>Null where it is none: any role of the database may write such messages.</summary>
    public static SchemaMessage? TryParse(ReadOnlySpan<byte> content)
    {
        try
        {
            return JsonSerializer.Deserialize<SchemaMessage>(content, Json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
