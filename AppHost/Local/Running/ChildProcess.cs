using System.Diagnostics;

namespace AspireCdc.AppHost.Local.Running;

/// <summary>A process of a resource: in a session of its own, watched by the guardian, its output read line by line.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    /// <summary>The shell waits for a line before it becomes the command, so that the guardian knows the process before it does anything.</summary>
    private const string Gate = "read -r go && exec \"$@\" </dev/null";

    private readonly Process _process;
    private readonly Guardian _guardian;
    private readonly Task _output;

    private ChildProcess(Process process, Guardian guardian, Action<string, bool> onLine)
    {
        _process = process;
        _guardian = guardian;
        _output = Task.WhenAll(
            PumpAsync(process.StandardOutput, line => onLine(line, false)),
            PumpAsync(process.StandardError, line => onLine(line, true)));
    }

    public int Id => _process.Id;

    /// <summary>Starts the command; what it prints goes to <paramref name="onLine"/>, with true for standard error.</summary>
    public static ChildProcess Start(
        string command, IEnumerable<string> arguments, string workingDirectory, IReadOnlyDictionary<string, string> environment, Guardian guardian,
        Action<string, bool> onLine)
    {
        if (!Directory.Exists(workingDirectory))
            throw new DirectoryNotFoundException($"the working directory {workingDirectory} does not exist");
        if (!IsThere(command, workingDirectory))
            throw new FileNotFoundException($"the command {command} is not there");
        var start = Session.StartInfo("sh", ["-c", Gate, command, command, .. arguments]);
        start.WorkingDirectory = workingDirectory;
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        // AppHost's own address is nobody else's.
        start.Environment.Remove("ASPNETCORE_URLS");
        foreach (var (name, value) in environment)
            start.Environment[name] = value;

        var process = Process.Start(start)!;
        guardian.Watch(process.Id);
        var child = new ChildProcess(process, guardian, onLine);
        try
        {
            process.StandardInput.Write("go\n");
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended already; its exit code and output tell why.
        }

        return child;
    }

    /// <summary>Waits until the process has ended, and for its last output.</summary>
    public async Task<int> WaitForExitAsync(CancellationToken cancellationToken)
    {
        await WaitForProcessAsync(cancellationToken);
        // A grandchild may hold the output open longer than its parent lived.
        await Task.WhenAny(_output, Task.Delay(TimeSpan.FromSeconds(1), cancellationToken));
        return _process.ExitCode;
    }

    /// <summary>Asks the process to end, and kills it if it has not done so in time.</summary>
    public async Task StopAsync(TimeSpan patience)
    {
        Session.Terminate(_process.Id);
        using var timeout = new CancellationTokenSource(patience);
        try
        {
            await WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            Session.KillGroup(_process.Id);
            await WaitForProcessAsync(CancellationToken.None);
        }
    }

    public async ValueTask DisposeAsync()
    {
        // What the process has left behind in its group goes with it.
        Session.KillGroup(_process.Id);
        await WaitForProcessAsync(CancellationToken.None);
        _guardian.Forget(_process.Id);
        _process.Dispose();
    }

    // Output that is read by events would be waited for here; read as streams it is not.
    private Task WaitForProcessAsync(CancellationToken cancellationToken) => _process.WaitForExitAsync(cancellationToken);

    /// <summary>As the shell finds it: a path, or a name in one of the folders of PATH.</summary>
    private static bool IsThere(string command, string workingDirectory) => command.Contains('/')
        ? File.Exists(Path.Combine(workingDirectory, command))
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, command)));

    private static async Task PumpAsync(StreamReader reader, Action<string> onLine)
    {
        try
        {
            while (await reader.ReadLineAsync() is { } line)
                onLine(line);
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            // The process is gone, and its output with it.
        }
    }
}
