using System.Diagnostics;

namespace AspireCdc.AppHost.Embedded;

/// <summary>
/// How PostgreSQL is started without being root, which it refuses (src/backend/main/main.c). A normal user needs nothing. Root takes a user
/// namespace, in which it is nobody and still owns its files; where those are switched off, it becomes nobody for real.
/// </summary>
/// <param name="Prefix">Words before the command.</param>
/// <param name="OwnerId">User id that files must belong to, or null where they stay the caller's.</param>
/// <param name="Hint">What to tell the user if it fails all the same.</param>
internal sealed record PostgresUser(IReadOnlyList<string> Prefix, string? OwnerId, string Hint)
{
    private const string NobodyId = "65534";

    /// <summary>The way that works on this machine.</summary>
    /// <exception cref="EmbeddedStackException">Root, and there is none.</exception>
    public static PostgresUser Find()
    {
        if (Posix.EffectiveUserId() != 0)
            return new([], null, "");

        string[] userNamespace = ["unshare", "--user", $"--map-user={NobodyId}", $"--map-group={NobodyId}"];
        if (Works([.. userNamespace, "true"]))
            return new(userNamespace, null, "");

        string[] otherUser = ["setpriv", $"--reuid={NobodyId}", $"--regid={NobodyId}", "--clear-groups"];
        if (Works([.. otherUser, "true"]))
        {
            return new(otherUser, NobodyId,
                "PostgreSQL refuses to run as root, so it runs as user 65534 here, who must be able to reach the binaries and the data: " +
                "set ASPIRECDC_CACHE to a folder that everybody can enter, or start as a normal user.");
        }
        throw new EmbeddedStackException(
            "PostgreSQL refuses to run as root, and neither 'unshare --user' nor 'setpriv' works here. Start as a normal user.");
    }

    /// <summary>Hands a file or folder to the user that PostgreSQL runs as.</summary>
    public void Own(string path)
    {
        if (OwnerId is not null)
            Works(["chown", "-R", $"{OwnerId}:{OwnerId}", path]);
    }

    private static bool Works(string[] command)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true, RedirectStandardOutput = true });
            process!.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
