using System.Globalization;
using AspireCdc.Star.Model;

namespace AspireCdc.ClickHouseMigrator.Commands;

/// <summary>A folder with a model and its migrations.</summary>
/// <param name="Path">The folder.</param>
internal sealed record ModelFolder(string Path)
{
    private static readonly string Place = System.IO.Path.Combine("Shop", "ClickHouse");

    /// <summary>The model's file.</summary>
    public string ModelFile => System.IO.Path.Combine(Path, StarFile.Name);

    private string MigratedFile => System.IO.Path.Combine(Path, "star.migrated.json");

    /// <summary>The checkout's folder: <c>Shop/ClickHouse</c>, which may be deleted, here or in a folder above.</summary>
    /// <exception cref="MigrationException">There is none.</exception>
    public static ModelFolder Find()
    {
        foreach (var start in new[] { Environment.CurrentDirectory, AppContext.BaseDirectory })
        {
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                if (File.Exists(System.IO.Path.Combine(folder.FullName, "Shop", "Shop.csproj")))
                    return new(System.IO.Path.Combine(folder.FullName, Place));
            }
        }
        throw new MigrationException(
            $"There is no project Shop for {Place} in {Environment.CurrentDirectory} or above it. Start this in the " +
            "checkout, or name the folder: --output …");
    }

    /// <summary>The model as it was written last; an empty one before that.</summary>
    /// <exception cref="StarModelException">The file is wrong.</exception>
    public StarModel ReadModel() => File.Exists(ModelFile) ? StarFile.Read(ModelFile) : StarModel.Empty;

    /// <summary>
    /// The model up to which <c>discover</c> has written migrations: a star.json that was changed by hand since is ahead of it.
    /// </summary>
    /// <exception cref="StarModelException">The file is wrong.</exception>
    public StarModel ReadMigrated() => File.Exists(MigratedFile) ? StarFile.Read(MigratedFile) : ReadModel();

    /// <summary>Writes it.</summary>
    public void WriteMigrated(StarModel model) => File.WriteAllText(MigratedFile, StarFile.Write(model));

    /// <summary>The next migration's name: numbered after the last, by whomever that was written.</summary>
    public string NextName(string name)
    {
        var numbers = new DirectoryInfo(Path).EnumerateFiles("*.sql").Select(file => file.Name.TakeWhile(char.IsAsciiDigit).ToArray())
            .Where(digits => digits.Length > 0)
            .Select(digits => int.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture));
        return $"{numbers.DefaultIfEmpty(0).Max() + 1:000}_{name}";
    }

    /// <summary>The files are those that <see cref="WriteModel"/> would write.</summary>
    public bool HasWritten(StarModel model) =>
        Has(StarFile.Name, StarFile.Write(model)) && Has(StarFile.SchemaName, StarFile.WriteSchema());

    /// <summary>Writes a migration.</summary>
    public void WriteMigration(string name, string sql) => File.WriteAllText(System.IO.Path.Combine(Path, name + ".sql"), sql);

    /// <summary>Writes the model, and its schema beside it.</summary>
    public void WriteModel(StarModel model)
    {
        File.WriteAllText(ModelFile, StarFile.Write(model));
        File.WriteAllText(System.IO.Path.Combine(Path, StarFile.SchemaName), StarFile.WriteSchema());
    }

    private bool Has(string name, string text) =>
        System.IO.Path.Combine(Path, name) is var file && File.Exists(file) && File.ReadAllText(file).ReplaceLineEndings("\n") == text;
}
