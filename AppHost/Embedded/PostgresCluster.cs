using System.Diagnostics;
using System.Globalization;

namespace AspireCdc.AppHost.Embedded;

/// <summary>The data folder of an embedded PostgreSQL: made by initdb, and put in order after a hard end.</summary>
internal sealed class PostgresCluster(EmbeddedBinaries binaries, string dataFolder, PostgresUser user)
{
    private const string VersionFile = "PG_VERSION";

    private static readonly TimeSpan OrphanStop = TimeSpan.FromSeconds(20);

    // The library path serves the few programs of the package that lack a run path of their own.
    private readonly Dictionary<string, string> _environment = new()
    {
        [OperatingSystem.IsMacOS() ? "DYLD_LIBRARY_PATH" : "LD_LIBRARY_PATH"] = Path.Combine(binaries.PostgresRoot, "lib"),
        ["LC_ALL"] = "C",
        ["TZ"] = "UTC",
    };

    private string PidFile => Path.Combine(dataFolder, "postmaster.pid");

    /// <summary>Tells before anything starts that another version of PostgreSQL has made the cluster.</summary>
    /// <exception cref="EmbeddedStackException">It has.</exception>
    public static void EnsureReadable(EmbeddedBinaries binaries, string dataFolder)
    {
        var file = Path.Combine(dataFolder, VersionFile);
        if (File.Exists(file) && File.ReadAllText(file).Trim() is var version && version != binaries.PostgresVersion)
            throw new EmbeddedStackException(
                $"The databases in {dataFolder} are those of PostgreSQL {version}, and this is PostgreSQL {binaries.PostgresVersion}, " +
                "which does not read them. "
                + "Start with --reset to have them made anew, empty, or choose another folder: --state FOLDER");
    }

    /// <summary>Makes the cluster where there is none, and removes what a killed server left behind.</summary>
    /// <exception cref="EmbeddedStackException">initdb failed.</exception>
    public async Task PrepareAsync(string password, Action<string> log, CancellationToken cancellationToken)
    {
        if (File.Exists(Path.Combine(dataFolder, VersionFile)))
            await RemoveStalePidFileAsync(log, cancellationToken);
        else
            await InitializeAsync(password, log, cancellationToken);
    }

    /// <summary>Starts the server in the foreground of a child process.</summary>
    public GuardedProcess StartServer(IEnumerable<KeyValuePair<string, string>> settings, Action<string> log)
    {
        string[] arguments = ["-D", dataFolder, .. settings.SelectMany(setting => (string[])["-c", $"{setting.Key}={setting.Value}"])];
        return GuardedProcess.Start([.. user.Prefix, Program("postgres"), .. arguments], _environment, log, Posix.SigInt);
    }

    private string Program(string name) => Path.Combine(binaries.PostgresRoot, "bin", name);

    private async Task InitializeAsync(string password, Action<string> log, CancellationToken cancellationToken)
    {
        // In a folder beside the final one, so that an initdb that was interrupted leaves nothing that looks like a cluster.
        var making = dataFolder.TrimEnd('/') + ".new";
        if (Directory.Exists(making))
            Directory.Delete(making, recursive: true);
        if (Directory.Exists(dataFolder) && Directory.EnumerateFileSystemEntries(dataFolder).Any())
            throw new EmbeddedStackException(
                $"{dataFolder} holds something that is no PostgreSQL cluster. Empty it, or choose another folder: --state FOLDER");
        if (Directory.Exists(dataFolder))
            Directory.Delete(dataFolder);
        Directory.CreateDirectory(making, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var passwordFile = making + ".password";
        await File.WriteAllTextAsync(passwordFile, password, cancellationToken);
        try
        {
            user.Own(making);
            user.Own(passwordFile);
            var output = new List<string>();
            await using var initdb = GuardedProcess.Start(
                [
                    .. user.Prefix, Program("initdb"), "-D", making, "--username=postgres", $"--pwfile={passwordFile}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
                    "--no-sync",
                ],
                _environment,
                line =>
                {
                    lock (output)
                        output.Add(line);
                    log(line);
                });
            await initdb.Exited.WaitAsync(cancellationToken);
            if (initdb.ExitCode != 0)
                throw new EmbeddedStackException(
                    $"initdb failed (exit code {initdb.ExitCode}): {string.Join(" ", output.TakeLast(3))} {user.Hint}");
        }
        finally
        {
            File.Delete(passwordFile);
        }
        Directory.Move(making, dataFolder);
    }

    /// <summary>
    /// A killed server leaves its pid file, and a killed parent may leave the server itself for a moment. The caller owns the folder, so a
    /// PostgreSQL that still runs on it is an orphan and is stopped; a pid that belongs to another program by now is no reason to refuse.
    /// </summary>
    private async Task RemoveStalePidFileAsync(Action<string> log, CancellationToken cancellationToken)
    {
        if (!File.Exists(PidFile))
            return;
        var line = (await File.ReadAllLinesAsync(PidFile, cancellationToken)).FirstOrDefault();
        if (int.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && IsPostgres(pid))
        {
            log($"Stopping the PostgreSQL (process {pid}) that an earlier run left behind");
            Posix.Kill(pid, Posix.SigInt);
            try
            {
                using var orphan = Process.GetProcessById(pid);
                using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                deadline.CancelAfter(OrphanStop);
                await orphan.WaitForExitAsync(deadline.Token);
            }
            catch (ArgumentException) // ended meanwhile
            {
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw new EmbeddedStackException(
                    $"A PostgreSQL (process {pid}) of an earlier run still uses {dataFolder} and does not stop. End it with: kill " +
                    $"-9 {pid}");
            }
        }
        File.Delete(PidFile);
    }

    private static bool IsPostgres(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            return process.ProcessName == "postgres";
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
