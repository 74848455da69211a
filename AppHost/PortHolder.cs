using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace AspireCdc.AppHost;

/// <summary>Finds the process that listens on a port, as far as the operating system tells.</summary>
internal static class PortHolder
{
    /// <summary>Name and id of the process, or null.</summary>
    public static async Task<string?> FindAsync(int port, CancellationToken cancellationToken) =>
        OperatingSystem.IsLinux() ? FindInProc(port) : await AskLsofAsync(port, cancellationToken);

    private static string? FindInProc(int port)
    {
        // Field 2 is the local address with the port in hexadecimal, field 4 the state (0A: listening), field 10
        // the socket's inode (proc_net_tcp.rst).
        var ending = string.Create(CultureInfo.InvariantCulture, $":{port:X4}");
        var sockets = ((string[])["/proc/net/tcp", "/proc/net/tcp6"])
            .Where(File.Exists)
            .SelectMany(File.ReadLines)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(fields => fields.Length > 9 && fields[1].EndsWith(ending, StringComparison.Ordinal) && fields[3] == "0A")
            .Select(fields => $"socket:[{fields[9]}]")
            .ToHashSet();
        return Process.GetProcesses().FirstOrDefault(process => Holds(process, sockets)) is { } holder
            ? Describe(holder.ProcessName, $"{holder.Id}")
            : null;
    }

    private static bool Holds(Process process, HashSet<string> sockets)
    {
        try
        {
            return Directory.EnumerateFiles($"/proc/{process.Id}/fd").Any(file => sockets.Contains(new FileInfo(file).LinkTarget ?? ""));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It has ended, or belongs to somebody else.
            return false;
        }
    }

    private static async Task<string?> AskLsofAsync(int port, CancellationToken cancellationToken)
    {
        try
        {
            using var lsof = Process.Start(
                new ProcessStartInfo("lsof", ["-nP", $"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]) { RedirectStandardOutput = true })!;
            var lines = (await lsof.StandardOutput.ReadToEndAsync(cancellationToken)).Split('\n');
            // One line a field: p with the process's id, c with its command.
            return Array.Find(lines, line => line.StartsWith('p')) is { } id
                && Array.Find(lines, line => line.StartsWith('c')) is { } command
                ? Describe(command[1..], id[1..])
                : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    private static string Describe(string name, string id) => $"{name} (process {id})";
}
