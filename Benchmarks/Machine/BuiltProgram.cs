using System.Collections.Concurrent;
using AspireCdc.AppHost.Embedded;

namespace AspireCdc.Benchmarks.Machine;

/// <summary>A child process whose last words are kept, for the sentence that says why it ended.</summary>
internal sealed class BuiltProgram : IAsyncDisposable
{
    private const int LinesKept = 12;

    private readonly ConcurrentQueue<string> _lastWords = new();
    private readonly string _name;
    private readonly GuardedProcess _process;

    private BuiltProgram(string name, IReadOnlyList<string> command, Dictionary<string, string> environment, Action<string> log)
    {
        _name = name;
        _process = GuardedProcess.Start(command, environment, line =>
        {
            _lastWords.Enqueue(line);
            if (_lastWords.Count > LinesKept)
                _lastWords.TryDequeue(out _);
            log($"{name}: {line}");
        });
    }

    public Task<int> Pid => _process.Pid;

    public Task Exited => _process.Exited;

    /// <summary>Why it ended, in its own words.</summary>
    public string LastWords => $"{_name} ended with exit code {_process.ExitCode}: {string.Join(Environment.NewLine, _lastWords)}";

    /// <summary>Starts another project's program.</summary>
    public static BuiltProgram Start(
        string project, IReadOnlyList<string> args, Dictionary<string, string> environment, Action<string> log) =>
        Run(project, ["dotnet", Checkout.ProgramOf(project), .. args], environment, log);

    /// <summary>Starts any program.</summary>
    public static BuiltProgram Run(
        string name, IReadOnlyList<string> command, Dictionary<string, string> environment, Action<string> log) =>
        new(name, command, environment, log);

    /// <summary>Waits for its end.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public async Task SucceededAsync(CancellationToken cancellationToken)
    {
        await Exited.WaitAsync(cancellationToken);
        if (_process.ExitCode != 0)
            throw new InvalidOperationException(LastWords);
    }

    /// <summary>Polls until something holds; the program's end ends the waiting.</summary>
    /// <exception cref="InvalidOperationException">It ended, or the deadline passed.</exception>
    public async Task UntilAsync(Func<Task<bool>> holds, string what, TimeSpan deadline, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(deadline);
        try
        {
            while (!await holds())
            {
                if (Exited.IsCompleted)
                    throw new InvalidOperationException(LastWords);
                await Task.Delay(20, limit.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new InvalidOperationException(
                $"Waited {deadline.TotalSeconds:0} s for {_name} {what}. Its last words: {string.Join(Environment.NewLine, _lastWords)}");
        }
    }

    /// <summary>SIGTERM, and SIGKILL after a while.</summary>
    public Task StopAsync() => _process.StopAsync();

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
