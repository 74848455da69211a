using AspireCdc.Star.Model;
using AspireCdc.Star.Postgres;
using Npgsql;

namespace AspireCdc.ClickHouseMigrator.Discovery;

/// <summary>
/// The publication that brings the tables of a discovered model: made where there is none and it may be made, and else held against the
/// model.
/// </summary>
internal sealed class PublicationCheck(
    NpgsqlConnection connection, Catalog catalog, string name, bool appendOnly, IReadOnlyList<TableMapping> mirrored,
    IReadOnlyList<FoundTable> tables)
{
    private string Kinds => appendOnly ? "insert" : "insert, update, delete, truncate";

    private bool HasPartitions => Mirrored.Any(table => table.Found.IsPartitioned);

    private string With
    {
        get
        {
            List<string> options = [.. appendOnly ? [$"publish = '{Kinds}'"] : Array.Empty<string>(),
                .. HasPartitions ? ["publish_via_partition_root = true"] : Array.Empty<string>()];
            return options.Count > 0 ? $" WITH ({string.Join(", ", options)})" : "";
        }
    }

    private IEnumerable<(TableMapping Mapping, FoundTable Found)> Mirrored =>
        mirrored.Select(table => (table, tables.FirstOrDefault(found => found.Source == table.Source)))
        .Where(pair => pair.Item2 is not null)!;

    /// <summary>Sentences on what was done, or has to be.</summary>
    public async Task<IReadOnlyList<string>> RunAsync(CancellationToken cancellationToken)
    {
        var found = await catalog.ReadAsync(
            "SELECT pubviaroot, pubinsert, pubupdate, pubdelete, pubtruncate FROM pg_publication WHERE pubname = $1",
            row => (ViaRoot: row.GetBoolean(0), All: row.GetBoolean(1)
                && Enumerable.Range(2, 3).All(kind => row.GetBoolean(kind) != appendOnly)), cancellationToken,
                new NpgsqlParameter { Value = name });
        return found is [var publication]
            ? await CheckAsync(publication.ViaRoot, publication.All, cancellationToken)
            : [await CreateAsync(cancellationToken)];
    }

    private async Task<string> CreateAsync(CancellationToken cancellationToken)
    {
        var listed = string.Join(", ", Mirrored.Select(Listed));
        var statement = $"CREATE PUBLICATION {PostgresSql.Name(name)}{(listed.Length > 0 ? $" FOR TABLE {listed}" : "")}{With}";
        try
        {
            await using var command = new NpgsqlCommand(statement, connection);
            await command.ExecuteNonQueryAsync(cancellationToken);
            return $"Publication {name} is made.";
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.InsufficientPrivilege
            or PostgresErrorCodes.ReadOnlySqlTransaction)
        {
            return $"Publication {name} is missing, and {connection.UserName} may not make it ({e.MessageText}). Its owner runs: " +
                $"{statement};";
        }
    }

    private async Task<IReadOnlyList<string>> CheckAsync(bool viaRoot, bool all, CancellationToken cancellationToken)
    {
        var published = await catalog.ReadAsync(
            "SELECT schemaname::text, tablename::text, attnames::text[], rowfilter IS NOT NULL FROM " +
            "pg_publication_tables WHERE pubname = $1",
            row => (Schema: row.GetString(0), Name: row.GetString(1), Columns: row.GetFieldValue<string[]>(2), Filtered: row.GetBoolean(3)),
            cancellationToken, new NpgsqlParameter { Value = name });
        var sentences = new List<string>();
        if (!all)
            sentences.Add(
                $"Publication {name} {(appendOnly ? "publishes more than inserts, or none" : "leaves out some kind of change")}: ALTER " +
                $"PUBLICATION {PostgresSql.Name(name)} SET (publish = '{Kinds}');");
        if (HasPartitions && !viaRoot)
            sentences.Add(
                $"Publication {name} shows partitions in the place of their table: ALTER PUBLICATION {PostgresSql.Name(name)} SET " +
                "(publish_via_partition_root = true);");
        foreach (var pair in Mirrored)
        {
            var (mapping, found) = pair;
            var entry = published.FirstOrDefault(entry => (entry.Schema, entry.Name) == (mapping.Schema, mapping.Name));
            // Behind an option that is not set yet, the partitions stand there instead.
            if (entry.Name is null && !(found.IsPartitioned && !viaRoot))
                sentences.Add(
                    $"Publication {name} lacks {mapping.Source}: ALTER PUBLICATION {PostgresSql.Name(name)} ADD TABLE {Listed(pair)};");
            else if (entry.Filtered)
                sentences.Add($"Publication {name} leaves out rows of {mapping.Source} (WHERE): publish all of them.");
            else if (entry.Name is not null && mapping.Columns.Select(column => column.Source).Except(entry.Columns)
                .ToList() is { Count: > 0 } missing)
                sentences.Add(
                    $"Publication {name} leaves out {string.Join(", ", missing)} of {mapping.Source}: publish them, or take them out of " +
                    "the model.");
        }
        return sentences.Count == 0 ? [$"Publication {name} brings all tables."] : sentences;
    }

    /// <summary>The table, and its columns where not all are mirrored.</summary>
    private static string Listed((TableMapping Mapping, FoundTable Found) table)
    {
        var published = table.Found.Columns.Where(column => !column.IsGenerated).ToList();
        var qualified = PostgresSql.Name(table.Mapping);
        return published.Count == table.Mapping.Columns.Count ? qualified
            : $"{qualified} ({string.Join(", ", table.Mapping.Columns.Select(column => PostgresSql.Name(column.Source)))})";
    }
}
