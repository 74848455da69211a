using AspireCdc.Benchmarks.Machine;
using AspireCdc.Star.Difference;
using AspireCdc.Star.Model;

namespace AspireCdc.Benchmarks.Cdc;

/// <summary>What is replicated here: the tables and facts of the engine's tests, so that an application's own touch no figure.</summary>
internal static class StoreModel
{
    private static readonly string Folder = Path.Combine(Checkout.Root, "Tests", "Fixtures", "Store");

    /// <summary>PostgreSQL's statements.</summary>
    public static string Tables => Path.Combine(Folder, "tables.sql");

    /// <summary>Writes the model, with ClickHouse's statements beside it, and returns its file.</summary>
    public static string WriteTo(string folder)
    {
        var model = StarFile.Read(Path.Combine(Folder, StarFile.Name));
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "001_store.sql"),
            MigrationScript.Write(ModelDifference.Between(StarModel.Empty, model, SaidChanges.Nothing)));
        var file = Path.Combine(folder, StarFile.Name);
        File.WriteAllText(file, StarFile.Write(model));
        return file;
    }
}
