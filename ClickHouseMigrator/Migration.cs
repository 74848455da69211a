using System.Security.Cryptography;
using System.Text;
using AspireCdc.Star.Model;

namespace AspireCdc.ClickHouseMigrator;

/// <summary>One .sql file.</summary>
/// <param name="Name">File name without its ending; the ordinal order of names is the order of application.</param>
/// <param name="Sql">Its text.</param>
internal sealed record Migration(string Name, string Sql)
{
    private const string ReplacesMark = "-- Replaces:";

    /// <summary>SHA-256 of the text, with line ends as git may have changed them evened out.</summary>
    public string Checksum => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Sql.ReplaceLineEndings("\n"))));

    /// <summary>
    /// The migrations that this one stands for, from its first line (<c>-- Replaces: 001_landing, 002_companions</c>): a database that has
    /// had them goes on from here.
    /// </summary>
    public IReadOnlyList<string> Replaces => Sql.StartsWith(ReplacesMark, StringComparison.Ordinal)
        ? Sql[ReplacesMark.Length..].Split('\n')[0].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        : [];

    /// <summary>All .sql files of these folders together, in the order of their names.</summary>
    /// <exception cref="MigrationException">A folder is not there or has none.</exception>
    public static IReadOnlyList<Migration> ReadAll(params IReadOnlyList<string> folders) =>
        [.. folders.SelectMany(Read).OrderBy(migration => migration.Name, StringComparer.Ordinal)];

    /// <summary>Those that lead to a model: the engine's own, numbered 000, and the files beside the model.</summary>
    /// <param name="model">The model's file; null for the one that came with the program.</param>
    /// <exception cref="MigrationException">A folder is not there or has none.</exception>
    public static IReadOnlyList<Migration> ReadFor(string? model)
    {
        var shipped = Read(Path.Combine(AppContext.BaseDirectory, "Migrations"));
        return string.IsNullOrEmpty(model)
            ? shipped
            : [.. shipped.Where(migration => migration.Name.StartsWith("000_", StringComparison.Ordinal)),
                .. Read(Path.GetDirectoryName(Path.GetFullPath(model))!)];
    }

    /// <summary>The model that they lead to: the one that is named, or the one that came with the program.</summary>
    public static string ModelOf(string? model) =>
        string.IsNullOrEmpty(model) ? Path.Combine(AppContext.BaseDirectory, StarFile.Name) : model;

    private static IReadOnlyList<Migration> Read(string folder)
    {
        var found = Directory.Exists(folder)
            ? new DirectoryInfo(folder).GetFiles("*.sql").OrderBy(file => file.Name, StringComparer.Ordinal)
            .Select(file => new Migration(Path.GetFileNameWithoutExtension(file.Name), File.ReadAllText(file.FullName))).ToList()
            : [];
        return found.Count > 0 ? found : throw new MigrationException($"No .sql file was found in {folder}.");
    }
}
