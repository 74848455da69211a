using System.Diagnostics;
using System.Globalization;

namespace AspireCdc.AppHost.Embedded;

/// <summary>
/// A child process that ends with this one, also when this one is killed: a shell between the two holds the reading end of a pipe, and
/// stops the child when the pipe closes.
/// </summary>
internal sealed class GuardedProcess : IAsyncDisposable
{
    // $1 is the signal that stops the child gently; ten seconds later it is killed.
    private const string Guard = """
        gentle=$1; shift
        exec 3<&0
        "$@" </dev/null 3<&- &
        child=$!
        echo "$child"
        { cat <&3; kill -"$gentle" "$child"; sleep 10; kill -KILL "$child"; } >/dev/null 2>&1 &
        watcher=$!
        exec 3<&-
        wait "$child"
        status=$?
        kill "$watcher" 2>/dev/null
        exit "$status"
        """;

    private static readonly TimeSpan GentleStop = TimeSpan.FromSeconds(30);

    private readonly Process _shell;
    private readonly int _gentleSignal;
    private readonly TaskCompletionSource<int> _pid = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private GuardedProcess(Process shell, int gentleSignal, Action<string> log)
    {
        _shell = shell;
        _gentleSignal = gentleSignal;
        shell.OutputDataReceived += (_, e) =>
        {
            if (e.Data is not { } line)
                _pid.TrySetException(new IOException("The process could not be started."));
            else if (!_pid.Task.IsCompleted)
                _pid.TrySetResult(int.Parse(line, CultureInfo.InvariantCulture));
            else
                log(line);
        };
        shell.ErrorDataReceived += (_, e) =>
        {
            if (e.Data is { } line)
                log(line);
        };
        shell.BeginOutputReadLine();
        shell.BeginErrorReadLine();
        Exited = shell.WaitForExitAsync();
    }

    /// <summary>Completes when the child has ended and its output has been read.</summary>
    public Task Exited { get; }

    /// <summary>The child's process id.</summary>
    public Task<int> Pid => _pid.Task;

    /// <summary>The child's exit code, once <see cref="Exited"/> has completed; 128 + n where signal n ended it.</summary>
    public int ExitCode => _shell.ExitCode;

    /// <param name="command">Program and arguments.</param>
    /// <param name="environment">Variables that are added to this process's own.</param>
    /// <param name="log">Takes each line of the child's output.</param>
    /// <param name="gentleSignal">The signal that asks the child to stop.</param>
    /// <param name="workingDirectory">The child's, where it is not this process's.</param>
    public static GuardedProcess Start(
        IReadOnlyList<string> command,
        IReadOnlyDictionary<string, string> environment,
        Action<string> log,
        int gentleSignal = Posix.SigTerm,
        string? workingDirectory = null)
    {
        string[] arguments = ["-c", Guard, "guard", gentleSignal.ToString(CultureInfo.InvariantCulture), .. command];
        var start = new ProcessStartInfo("/bin/sh", arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingDirectory ?? "",
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return new GuardedProcess(Process.Start(start)!, gentleSignal, log);
    }

    /// <summary>Asks the child to stop and waits for its end; after 30 seconds, which no orderly end takes, it is killed.</summary>
    public async Task StopAsync()
    {
        if (!Exited.IsCompleted)
            Posix.Kill(await Pid, _gentleSignal);
        try
        {
            await Exited.WaitAsync(GentleStop);
        }
        catch (TimeoutException)
        {
            await KillAsync();
        }
    }

    /// <summary>Kills the child at once (SIGKILL) and waits for its end.</summary>
    public async Task KillAsync()
    {
        if (!Exited.IsCompleted)
            Posix.Kill(await Pid, Posix.SigKill);
        await Exited;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _shell.Dispose();
    }
}
