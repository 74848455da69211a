using System.Diagnostics;
using AspireCdc.AppHost.Embedded;

namespace AspireCdc.AppHost;

/// <summary>
/// The <c>dotnet run</c> that has started this process. It passes Ctrl-C and SIGTERM on; killed hard, it would leave a stack behind that nobody sees. Any other parent
/// may end without this process, as a shell does under <c>nohup</c>.
/// </summary>
internal static class DotNetRun
{
    /// <summary>It sets this variable, and no shell does.</summary>
    private const string Mark = "DOTNET_LAUNCH_PROFILE";

    /// <summary>Completes when it has ended; never if something else is the parent.</summary>
    public static async Task HasEndedAsync(CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsWindows() && Environment.GetEnvironmentVariable(Mark) is not null && Find() is { } parent)
            await parent.WaitForExitAsync(cancellationToken);
        else
            await Task.Delay(Timeout.Infinite, cancellationToken);
    }

    private static Process? Find()
    {
        try
        {
            return Process.GetProcessById(Posix.ParentProcessId()) is { ProcessName: "dotnet" } parent ? parent : null;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
