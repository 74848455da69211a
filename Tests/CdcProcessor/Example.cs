using AspireCdc.Star.Model;
using AspireCdc.Tests.Fixtures;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>Tables of the engine's tests, and what is known of them: a folder below <c>Tests/Fixtures</c> with
/// <c>tables.sql</c> and <c>star.json</c>.</summary>
/// <param name="Name">The folder's name.</param>
internal sealed record Example(string Name)
{
    /// <summary>Four tables and two facts, as in a shop.</summary>
    public static Example Store { get; } = new("Store")
    {
        Prepare = "ALTER TABLE customer ALTER COLUMN name SET STORAGE EXTERNAL; ALTER TABLE customer SET (toast_tuple_target = 128)",
        Resynced = "table=orderitem&table=order",
    };

    /// <summary>Eight tables and three facts over paths of every shape.</summary>
    public static Example Deep { get; } = new("Deep")
    {
        Prepare = "ALTER TABLE crm.person ALTER COLUMN name SET STORAGE EXTERNAL; ALTER TABLE crm.person SET (toast_tuple_target = 128)",
        Resynced = "table=crm.person&table=film_person",
    };

    /// <summary>The file of the model.</summary>
    public string ModelFile => FileOf(Name);

    /// <summary>What a processor replicates; the same object for all tests, by which they know it again.</summary>
    public StarModel Model { get; init; } = StarFile.Read(FileOf(Name));

    /// <summary>PostgreSQL's tables.</summary>
    public string Tables => File.ReadAllText(Path.Combine(Path.GetDirectoryName(ModelFile)!, "tables.sql"));

    /// <summary>Has PostgreSQL store names out of line from 128 bytes on, so that an update leaves them out.</summary>
    public required string Prepare { get; init; }

    /// <summary>Tables to copy anew in between, as <c>/operations/resync</c> takes them.</summary>
    public required string Resynced { get; init; }

    public static Example Of(string name) => name == Deep.Name ? Deep : Store;

    private static string FileOf(string name) => Path.Combine(Repository.Root, "Tests", "Fixtures", name, StarFile.Name);
}
