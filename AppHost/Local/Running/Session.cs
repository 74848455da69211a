using System.Diagnostics;
using AspireCdc.AppHost.Embedded;

namespace AspireCdc.AppHost.Local.Running;

/// <summary>Processes in a session of their own: the terminal's Ctrl-C does not reach them, and they can be signalled as a group.</summary>
internal static class Session
{
    /// <summary>The process becomes the leader of a session and of a process group, both with its own id.</summary>
    public static ProcessStartInfo StartInfo(string command, IEnumerable<string> arguments) => OperatingSystem.IsMacOS()
        ? new("perl", ["-MPOSIX", "-e", "POSIX::setsid(); exec { $ARGV[0] } @ARGV or die \"$ARGV[0]: $!\\n\"", command, .. arguments])
        : new("setsid", [command, .. arguments]);

    /// <summary>Asks the process to end; what it started itself is its own to end.</summary>
    public static void Terminate(int processId) => _ = Posix.Kill(processId, Posix.SigTerm);

    public static void KillGroup(int processGroup) => _ = Posix.Kill(-processGroup, Posix.SigKill);
}
