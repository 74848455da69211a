namespace AspireCdc.AppHost.Embedded;

/// <summary>A file that one process holds at a time; the operating system lets go of it when the process ends, however it ends.</summary>
internal static class FileLock
{
    /// <summary>EWOULDBLOCK on Linux and on macOS.</summary>
    private const int HeldOnLinux = 11, HeldOnMacOS = 35;

    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(250);

    /// <summary>Takes the lock, or returns null where another process has it.</summary>
    public static FileStream? TryTake(string path)
    {
        try
        {
            return new FileStream(
                path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.Asynchronous);
        }
        catch (IOException e) when (e.HResult is HeldOnLinux or HeldOnMacOS)
        {
            return null;
        }
    }

    /// <summary>Takes the lock, waiting for the process that has it; .NET offers no signal for that moment.</summary>
    public static async Task<FileStream> WaitAsync(
        string path, Action<string> report, string whileWaiting, CancellationToken cancellationToken)
    {
        var told = false;
        while (true)
        {
            if (TryTake(path) is { } taken)
                return taken;
            if (!told)
                report(whileWaiting);
            told = true;
            await Task.Delay(RetryAfter, cancellationToken);
        }
    }
}
