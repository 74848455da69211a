using System.Text.Encodings.Web;
using System.Text.Json;

namespace AspireCdc.CdcProcessor.Postgres.Watch;

/// <summary>
/// What a table is at one moment, as PostgreSQL's catalog says: recorded with each copy as of its snapshot. What differs from it later, and
/// has no event in the stream, is what only another copy brings.
/// </summary>
/// <param name="Oid">Its identity; a table that takes its name has another.</param>
/// <param name="File">Its file (<c>relfilenode</c>): another one after each rewrite and each TRUNCATE; 0 where it is partitioned.</param>
/// <param name="Changed">The transaction that last changed its row in <c>pg_class</c>, without its epoch.</param>
/// <param name="Columns">All its columns, in their order.</param>
/// <param name="Partitions">The tables below it, of every level; none where it is not partitioned.</param>
/// <param name="Publication">
/// The publication's identity, and that of the table's entry in it: another one when it was left out and taken in again.
/// </param>
/// <param name="Options">The transaction that last changed what the publication publishes at all.</param>
/// <param name="Trigger">The event trigger that tells of rewrites; empty where there is none.</param>
internal sealed record TableForm(
    uint Oid, uint File, uint Changed, IReadOnlyList<FormColumn> Columns, IReadOnlyList<FormPartition> Partitions, string Publication,
    string Options,
    string Trigger)
{
    private static readonly JsonSerializerOptions Json =
        new(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Why its rows are known to differ, where nobody wants it copied by itself; null where they are not.</summary>
    public string? Stale { get; init; }

    /// <summary>Reads what <see cref="Write"/> or PostgreSQL wrote.</summary>
    public static TableForm Read(string json) =>
        JsonSerializer.Deserialize<TableForm>(json, Json) ?? throw new InvalidDataException("A table's form is null.");

    /// <summary>As it is recorded.</summary>
    public string Write() => JsonSerializer.Serialize(this, Json);

    /// <summary>The column of this name, or null.</summary>
    public FormColumn? Column(string name) => Columns.FirstOrDefault(column => column.Name == name);

    /// <summary>The files of all that holds rows, in one text: as <see cref="TableForms.FilesNow"/> tells of this moment.</summary>
    public string Files => Partitions.Count == 0
        ? File == 0 ? "" : $"{File}"
        : string.Join(
            ',', Partitions.Where(partition => partition.File != 0).OrderBy(partition => partition.Oid)
            .Select(partition => partition.File));
}

/// <summary>A column.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Place">Its number, which stays when it is renamed, and is never given again.</param>
/// <param name="Type">Its type's OID.</param>
/// <param name="Modifier">Its type's modifier, -1 for none.</param>
/// <param name="Text">The two as <c>format_type</c> writes them.</param>
internal sealed record FormColumn(string Name, short Place, uint Type, int Modifier, string Text);

/// <summary>A table below a partitioned one.</summary>
/// <param name="Oid">Its identity.</param>
/// <param name="Name">Its name, as PostgreSQL would write it.</param>
/// <param name="File">Its file; 0 where it has partitions itself.</param>
/// <param name="Joined">The transaction that made it a partition, without its epoch.</param>
/// <param name="Made">The transaction that made it, likewise.</param>
internal sealed record FormPartition(uint Oid, string Name, uint File, string Joined, string Made = "");
