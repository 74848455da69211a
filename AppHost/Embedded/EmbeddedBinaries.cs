using System.Security.Cryptography;
using System.Text.Json;

namespace AspireCdc.AppHost.Embedded;

/// <summary>
/// The binaries of the embedded stack. They come from npm packages that a lock file pins, and are installed once per user and content of
/// that lock file, whatever number of checkouts there is.
/// </summary>
/// <param name="PostgresRoot">Folder with PostgreSQL's <c>bin</c>, <c>lib</c> and <c>share</c>.</param>
/// <param name="ChDbLibrary">ClickHouse's engine as a shared library.</param>
internal sealed record EmbeddedBinaries(string PostgresRoot, string ChDbLibrary)
{
    /// <summary>PostgreSQL's major version, as the name of a cluster's files has it.</summary>
    public string PostgresVersion
    {
        get
        {
            using var package = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Path.GetDirectoryName(PostgresRoot)!, "package.json")));
            return package.RootElement.GetProperty("version").GetString()!.Split('.')[0];
        }
    }

    private const string CompleteMarker = ".complete";

    /// <summary>Where installations are kept: <c>ASPIRECDC_CACHE</c>, or <c>aspirecdc</c> in the user's cache folder.</summary>
    public static string CacheFolder
    {
        get
        {
            if (Environment.GetEnvironmentVariable("ASPIRECDC_CACHE") is { Length: > 0 } chosen)
                return Path.GetFullPath(chosen);
            var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            var caches = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg ? xdg
                : Path.Combine(home, OperatingSystem.IsMacOS() ? "Library/Caches" : ".cache");
            return Path.Combine(caches, "aspirecdc");
        }
    }

    /// <summary>The installed binaries, or null where they have not been fetched.</summary>
    /// <param name="packageFolder">Folder of package.json, package-lock.json and .npmrc.</param>
    public static EmbeddedBinaries? FindInstalled(string packageFolder)
    {
        var folder = FolderOf(File.ReadAllBytes(Path.Combine(packageFolder, "package-lock.json")));
        return EmbeddedPlatform.Current is { } platform && File.Exists(Path.Combine(folder, CompleteMarker)) ? Locate(folder, platform)
            : null;
    }

    /// <summary>Returns the installed binaries, fetching them first where they are not there yet.</summary>
    /// <param name="packageFolder">Folder of package.json, package-lock.json and .npmrc.</param>
    /// <param name="report">Takes lines that tell the user about progress.</param>
    /// <exception cref="EmbeddedStackException">The platform has none, npm is missing, or it failed.</exception>
    public static async Task<EmbeddedBinaries> EnsureAsync(string packageFolder, Action<string> report, CancellationToken cancellationToken)
    {
        var platform = EmbeddedPlatform.Current ?? throw new EmbeddedStackException(EmbeddedPlatform.UnsupportedMessage);
        var lockFile = await File.ReadAllBytesAsync(Path.Combine(packageFolder, "package-lock.json"), cancellationToken);
        var folder = FolderOf(lockFile);
        var marker = Path.Combine(folder, CompleteMarker);

        if (!File.Exists(marker))
        {
            MakeWritable(folder);
            // Two first runs at once (dotnet run and dotnet test): the second one waits, then finds the marker.
            await using var turn = await FileLock.WaitAsync(
                folder + ".lock", report, "Another process is fetching the embedded binaries; waiting for it …", cancellationToken);
            if (!File.Exists(marker))
            {
                foreach (var file in (string[])["package.json", "package-lock.json", ".npmrc"])
                    File.Copy(Path.Combine(packageFolder, file), Path.Combine(folder, file), overwrite: true);
                await NpmInstall.RunAsync(folder, report, cancellationToken);
                var installed = Locate(folder, platform);
                Complete(installed);
                await File.WriteAllTextAsync(marker, "", cancellationToken);
                return installed;
            }
        }
        return Locate(folder, platform);
    }

    private static string FolderOf(byte[] lockFile) => Path.Combine(CacheFolder, Convert.ToHexStringLower(SHA256.HashData(lockFile))[..16]);

    private static void MakeWritable(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, ".writable"), "");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EmbeddedStackException(
                $"The embedded binaries cannot be kept in {CacheFolder}: {e.Message} Set ASPIRECDC_CACHE to a folder that can be written.",
                e);
        }
    }

    private static EmbeddedBinaries Locate(string folder, EmbeddedPlatform platform)
    {
        var modules = Path.Combine(folder, "node_modules");
        var library = OperatingSystem.IsMacOS() ? "libchdb.dylib" : "libchdb.so";
        var chDb = Path.Combine(modules, platform.ChDb, library);
        var found = new EmbeddedBinaries(
            Path.Combine(modules, platform.Postgres, "native"),
            // The macOS packages keep the name with the Linux ending in some versions.
            File.Exists(chDb) ? chDb : Path.Combine(modules, platform.ChDb, "libchdb.so"));
        foreach (var file in (string[])[Path.Combine(found.PostgresRoot, "bin", "postgres"), found.ChDbLibrary])
        {
            if (!File.Exists(file))
                throw new EmbeddedStackException(
                    $"The embedded binaries are incomplete: {file} is missing. Delete {folder} and start again.");
        }
        return found;
    }

    /// <summary>npm packs neither symbolic links nor, from every platform, run bits: the package lists the links in a file.</summary>
    private static void Complete(EmbeddedBinaries binaries)
    {
        var root = Path.GetDirectoryName(binaries.PostgresRoot)!;
        using var links = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(binaries.PostgresRoot, "pg-symlinks.json")));
        foreach (var link in links.RootElement.EnumerateArray())
        {
            var path = Path.Combine(root, link.GetProperty("target").GetString()!);
            var target = Path.Combine(root, link.GetProperty("source").GetString()!);
            File.Delete(path);
            File.CreateSymbolicLink(path, Path.GetRelativePath(Path.GetDirectoryName(path)!, target));
        }
        foreach (var program in Directory.GetFiles(Path.Combine(binaries.PostgresRoot, "bin")))
            File.SetUnixFileMode(
                program, File.GetUnixFileMode(program) | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
    }
}
