using AspireCdc.ClickHouseMigrator.Commands;
using AspireCdc.Star.Difference;
using AspireCdc.Star.Model;
using AspireCdc.Star.Postgres;
using Npgsql;

namespace AspireCdc.ClickHouseMigrator.Discovery;

/// <summary>
/// <c>discover</c> writes model and migrations of a database that no C# describes; once more, it writes what has changed since.
/// </summary>
/// <param name="folder">Where model and migrations go.</param>
/// <param name="output">Where it says what it found.</param>
internal sealed class DiscoverCommand(ModelFolder folder, TextWriter output)
{
    /// <summary>Reads the database, writes the files and sees to the publication.</summary>
    /// <param name="connectionString">
    /// The database; the user needs to see the catalog, and to own the tables for the publication to be made.
    /// </param>
    /// <param name="schema">Only this schema's tables; null for all.</param>
    /// <param name="publication">The publication; null for the default.</param>
    /// <param name="appendOnly">Tables without a key, whose rows are only ever inserted.</param>
    /// <param name="dropped">Tables and columns (<c>table.column</c>) of the last model that are gone on purpose.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="MigrationException">There is nothing to mirror, or what became of something cannot be told.</exception>
    public async Task RunAsync(
        string connectionString, string? schema, string? publication, IReadOnlyList<string> appendOnly, IReadOnlyList<string> dropped,
        CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(cancellationToken);
        await RefuseEncodingAsync(connection, cancellationToken);
        var catalog = new Catalog(connection);
        var tables = await catalog.ReadTablesAsync(schema, cancellationToken);

        Directory.CreateDirectory(folder.Path);
        var known = folder.ReadModel();
        if (appendOnly.FirstOrDefault(name => tables.All(table => table.Source != name)) is { } unknown)
            throw new MigrationException(
                $"--append-only names {unknown}, and the database has no such table{(schema is null ? "" : $" in schema {schema}")}.");
        var discoverer = new Discoverer(known, appendOnly, connection.PostgreSqlVersion.Major);
        foreach (var table in tables)
            discoverer.Add(table);
        if (discoverer.Tables.Count == 0)
            throw new MigrationException(
                $"The database {connection.Database} has no table that can be mirrored{(schema is null ? "" : $" in schema {schema}")}. " +
                $"{string.Join(" ", discoverer.Reports.Select(report => $"{report.Table.Source}: {report.Notes[0]}."))}");

        var model = new StarModel(discoverer.Tables, known.Facts);
        if (ModelCheck.FaultsOf(model) is { Count: > 0 } faults)
            throw new MigrationException(
                $"The model would be wrong: {string.Join("; ", faults)}. " +
                (known.Tables.Count > 0 ? $"Correct {folder.ModelFile}." : "Take one schema only: --schema NAME."));
        var migrated = folder.ReadMigrated();
        var difference = ModelDifference.Between(migrated, model, Said(migrated, dropped));
        if (difference.Faults.Count > 0)
            throw new MigrationException(
                "Nothing is written, since it cannot be told what became of something: " +
                $"{string.Join("; ", difference.Faults.Select(WithoutAttributes))}.");

        Say(discoverer);
        Write(migrated, model, difference);
        foreach (var (name, onlyInserts, published) in Publications.Of(model, publication ?? CdcDefaults.Publication))
        {
            foreach (var sentence in await new PublicationCheck(connection, catalog, name, onlyInserts, published, tables)
                .RunAsync(cancellationToken))
                output.WriteLine(sentence);
        }
        Suggest(model, tables, publication);
    }

    private static async Task RefuseEncodingAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("SELECT current_setting('server_encoding')", connection);
        if (await command.ExecuteScalarAsync(cancellationToken) is string encoding and not "UTF8")
            throw new MigrationException(
                $"The database {connection.Database} has the encoding {encoding}, and ClickHouse's text is UTF8: only a " +
                "database of this encoding can be mirrored.");
    }

    private static SaidChanges Said(StarModel known, IReadOnlyList<string> dropped) => new()
    {
        Dropped = dropped.ToHashSet(),
        DroppedColumns = known.Tables.SelectMany(table => table.Columns.Where(column =>
            dropped.Contains($"{table.Source}.{column.Source}")), (table, column) => (table.Source, column.Source)).ToHashSet(),
    };

    private static string WithoutAttributes(string fault) =>
        $"{fault[..fault.IndexOf(": say", StringComparison.Ordinal)]}: say --dropped NAME (a column as table.column), or name the new " +
        "one in star.json as the old one is called";

    private void Say(Discoverer discoverer)
    {
        foreach (var (table, mapping, notes) in discoverer.Reports)
        {
            output.WriteLine(mapping is null
                ? $"  - {table.Source} is left out: {string.Join("; ", notes)}."
                : $"  + {table.Source} → {mapping.Landing} ({mapping.Columns.Count} columns, " +
                    $"{(mapping.AppendOnly ? "append-only" : $"key {string.Join(", ", mapping.KeyColumns)}")})");
            if (mapping is not null)
            {
                foreach (var note in notes)
                    output.WriteLine($"      {note}");
            }
        }
    }

    private void Write(StarModel migrated, StarModel model, ModelDifference difference)
    {
        folder.WriteMigrated(model);
        if (difference.Operations.Count == 0)
        {
            folder.WriteModel(model);
            output.WriteLine("No table changes.");
            return;
        }
        var file = folder.NextName(migrated.Tables.Count == 0 ? "discovered" : "changed");
        folder.WriteMigration(file, MigrationScript.Write(difference));
        folder.WriteModel(model);
        output.WriteLine($"{file}.sql and {StarFile.Name} are written to {folder.Path}.");
        if (migrated.Tables.Count > 0)
        {
            foreach (var operation in difference.Operations)
                output.WriteLine($"  - {operation.Sentence}");
        }
    }

    private void Suggest(StarModel model, IReadOnlyList<FoundTable> tables, string? publication)
    {
        var suggestions = FactSuggestions.For(model, tables).ToList();
        if (suggestions.Count > 0)
        {
            output.WriteLine("Facts that the foreign keys make possible (docs/your-tables.md says how one is written):");
            foreach (var suggestion in suggestions)
                output.WriteLine($"  {suggestion}");
        }
        output.WriteLine($"""
            Now, with ConnectionStrings__clickhouse and ConnectionStrings__shop set:
              Cdc__Model={folder.ModelFile} dotnet run --project ClickHouseMigrator
              Cdc__Model={folder.ModelFile}{(publication is null ? "" : $" Cdc__Publication={publication}")} dotnet run --project CdcProcessor
            """);
    }
}
