using System.Runtime.InteropServices;

namespace AspireCdc.AppHost.Embedded;

/// <summary>What .NET has no API for: sending a signal other than KILL, and asking who we are.</summary>
internal static partial class Posix
{
    /// <summary>Signal numbers that Linux and macOS share (POSIX.1, <c>signal.h</c>).</summary>
    public const int SigInt = 2, SigKill = 9, SigTerm = 15;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "getppid")]
    public static partial int ParentProcessId();

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint EffectiveUserId();
}
