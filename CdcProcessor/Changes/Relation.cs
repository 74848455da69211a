using System.Text.Encodings.Web;
using System.Text.Json;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.Changes;

/// <summary>A table as its source describes it at one moment: the columns of a change's rows, in their
/// order, and where each one goes.</summary>
internal sealed class Relation
{
    public Relation(TableMapping table, IReadOnlyList<RelationColumn> columns, bool fullIdentity = false)
    {
        Table = table;
        Columns = columns;
        FullIdentity = fullIdentity;
        JsonNames = [.. columns.Select(column => JsonEncodedText.Encode(column.Name, JavaScriptEncoder.UnsafeRelaxedJsonEscaping))];
        Positions = [.. table.Columns.Select(mapped => IndexOf(columns, mapped.Source))];
    }

    public TableMapping Table { get; }

    public IReadOnlyList<RelationColumn> Columns { get; }

    /// <summary>The columns' names as messages have them.</summary>
    public IReadOnlyList<JsonEncodedText> JsonNames { get; }

    /// <summary>Old rows are complete (REPLICA IDENTITY FULL).</summary>
    public bool FullIdentity { get; }

    /// <summary>The identity of the table in its source; 0 where the source does not say.</summary>
    public uint Oid { get; init; }

    /// <summary>What the table was as of the snapshot that it is copied with, as it is recorded; empty for changes of the stream.</summary>
    public string Form { get; init; } = "";

    /// <summary>What of the copy is there for good, as it is recorded; empty where nothing is.</summary>
    public string Ranges { get; init; } = "";

    /// <summary>For each column of the mapping its place in the rows, or -1 if the source has no such column (any more).</summary>
    public IReadOnlyList<int> Positions { get; }

    /// <summary>A relation of exactly the mapped columns, for sources that find values by name.</summary>
    public static Relation Of(TableMapping table) => new(table, [.. table.Columns.Select(column => new RelationColumn(column.Source, 0))]);

    private static int IndexOf(IReadOnlyList<RelationColumn> columns, string name)
    {
        for (var i = 0; i < columns.Count; i++)
        {
            if (columns[i].Name == name)
                return i;
        }
        return -1;
    }
}

/// <summary>A column of the source.</summary>
/// <param name="Name">Its name.</param>
/// <param name="TypeOid">PostgreSQL's type, or 0 where the source does not say.</param>
/// <param name="Modifier">The type's modifier, -1 for none.</param>
internal readonly record struct RelationColumn(string Name, uint TypeOid, int Modifier = -1);
