using System.Security.Cryptography;
using System.Text;

namespace AspireCdc.ClickHouseMigrator;

/// <summary>One .sql file.</summary>
/// <param name="Name">File name without its ending; the ordinal order of names is the order of application.</param>
/// <param name="Sql">Its text.</param>
internal sealed record Migration(string Name, string Sql)
{
    /// <summary>SHA-256 of the text, with line ends as git may have changed them evened out.</summary>
    public string Checksum => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Sql.ReplaceLineEndings("\n"))));

    /// <summary>All .sql files of a folder, in order.</summary>
    /// <exception cref="MigrationException">There is none.</exception>
    public static IReadOnlyList<Migration> ReadAll(string folder)
    {
        Migration[] found =
        [
            .. new DirectoryInfo(folder).EnumerateFiles("*.sql")
                .OrderBy(file => file.Name, StringComparer.Ordinal)
                .Select(file => new Migration(Path.GetFileNameWithoutExtension(file.Name), File.ReadAllText(file.FullName))),
        ];
        return found.Length > 0 ? found : throw new MigrationException($"No .sql file was found in {folder}.");
    }
}
