using System.Collections.Concurrent;

namespace AspireCdc.AppHost.Embedded;

/// <summary>Runs <c>npm ci</c> in a folder and tells how far it is.</summary>
internal static class NpmInstall
{
    /// <summary>What the three packages take on disk on Linux x64, for the progress line; the other platforms differ little.</summary>
    private const int ExpectedMegabytes = 600;

    /// <summary>What a shell answers for a command that is not there.</summary>
    private const int NotFound = 127;

    private static readonly TimeSpan ReportEvery = TimeSpan.FromSeconds(2);

    /// <exception cref="EmbeddedStackException">npm is missing or failed.</exception>
    public static async Task RunAsync(string folder, Action<string> report, CancellationToken cancellationToken)
    {
        report($"Fetching the embedded binaries (PostgreSQL and ClickHouse's engine) once, about 175 MB to download, into {folder}");
        // Lifecycle scripts stay off: what they would do (links, run bits) EmbeddedBinaries does, so nothing of npm runs code here.
        // Guarded, since an npm that outlived this process would be in the way of the next one; and killed, since it
        // takes its time to end when it is asked to.
        var lines = new ConcurrentQueue<string>();
        await using var npm = GuardedProcess.Start(
            ["npm", "ci", "--include=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            new Dictionary<string, string>(), lines.Enqueue, Posix.SigKill, folder);
        await ReportUntilAsync(npm.Exited.WaitAsync(cancellationToken), folder, report);
        if (npm.ExitCode == 0)
            return;
        if (npm.ExitCode == NotFound)
            throw new EmbeddedStackException(
                "npm was not found, and the embedded stack fetches its binaries with it. Install Node.js 20 or newer (it brings npm), " +
                "or use --stack containers with Docker.");

        var reason = lines.Select(line => line.Trim())
            .Where(line => line.Length > 0 && !line.Contains("complete log", StringComparison.OrdinalIgnoreCase)).Take(6);
        throw new EmbeddedStackException(
            $"npm could not fetch the embedded binaries (exit code {npm.ExitCode}). What is already downloaded is kept: start again to " +
            $"go on.{Environment.NewLine}" +
            string.Join(Environment.NewLine, reason.Select(line => "    " + line)));
    }

    private static async Task ReportUntilAsync(Task done, string folder, Action<string> report)
    {
        // npm tells nothing without a terminal; the size on disk is what there is to see.
        using var timer = new PeriodicTimer(ReportEvery);
        while (await Task.WhenAny(done, timer.WaitForNextTickAsync().AsTask()) != done)
            report($"  {Megabytes(folder)} of about {ExpectedMegabytes} MB unpacked");
        await done;
    }

    private static long Megabytes(string folder)
    {
        try
        {
            return new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length) >> 20;
        }
        catch (IOException) // npm moves folders meanwhile
        {
            return 0;
        }
    }
}
