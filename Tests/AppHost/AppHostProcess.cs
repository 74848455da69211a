using System.Diagnostics;
using System.Globalization;
using System.Text;
using AspireCdc.AppHost.Embedded;
using AspireCdc.Tests.Fixtures;

namespace AspireCdc.Tests.AppHost;

/// <summary>AppHost as a user starts it: a process of its own.</summary>
internal sealed class AppHostProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _reading;

    private AppHostProcess(Process process)
    {
        _process = process;
        _reading = Task.WhenAll(ReadAsync(process.StandardOutput), ReadAsync(process.StandardError));
    }

    public int Id => _process.Id;

    public string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    public static AppHostProcess Start(params string[] args) =>
        Start(new Dictionary<string, string>(), [Repository.ProgramOf("AppHost"), .. args]);

    /// <summary>As the README says, of what the tests were built with.</summary>
    public static AppHostProcess StartByDotNetRun(IReadOnlyDictionary<string, string> environment, params string[] args) => Start(
        environment,
        ["run", "--no-build", "--configuration", AppContext.BaseDirectory.Split(Path.DirectorySeparatorChar)[^3], "--project",
            Path.Combine(Repository.Root, "AppHost"), "--", .. args]);

    private static AppHostProcess Start(IReadOnlyDictionary<string, string> environment, string[] args)
    {
        var start = new ProcessStartInfo("dotnet", args) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return new(Process.Start(start)!);
    }

    /// <summary>Runs to the end.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        await using var process = Start(args);
        return (await process.ExitAsync(cancellationToken), process.Output);
    }

    /// <summary>Waits for the line that says that everything is healthy.</summary>
    public async Task ReadyAsync(CancellationToken cancellationToken)
    {
        if (await Task.WhenAny(_ready.Task, _process.WaitForExitAsync(cancellationToken))
            .WaitAsync(TimeSpan.FromMinutes(3), cancellationToken) != _ready.Task)
            throw new InvalidOperationException($"AppHost has ended before it was ready:\n{Output}");
    }

    /// <summary>The address in the table that is printed at the end of the start.</summary>
    public string Address(string name) => Output.Split('\n').Select(line => line.TrimEnd())
        .Single(line => line.Contains($" {name} ", StringComparison.Ordinal) && line.Contains(" http://", StringComparison.Ordinal))
        .Split(' ')[^1];

    public async Task<int> ExitAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken).WaitAsync(TimeSpan.FromMinutes(2), cancellationToken);
        await _reading;
        return _process.ExitCode;
    }

    public void Terminate() => Posix.Kill(_process.Id, Posix.SigTerm);

    public void Kill() => _process.Kill();

    /// <summary>The processes that AppHost has started, and those that they have; Aspire's orchestrator is nobody's
    /// child and watches over AppHost.</summary>
    public async Task<IReadOnlyList<int>> DescendantsAsync(CancellationToken cancellationToken)
    {
        var processes = (await ProcessesAsync(cancellationToken)).ToList();
        var children = processes.ToLookup(process => process.Parent, process => process.Id);
        int[] own = [.. Below(_process.Id)]; // By 'dotnet run' AppHost is one of them.
        var orchestrator = processes.Where(process => own.Prepend(_process.Id)
            .Any(id => $"{process.Command} ".Contains($" --monitor {id} ", StringComparison.Ordinal))).Select(process => process.Id);
        return [.. own, .. orchestrator.SelectMany(id => Below(id).Prepend(id))];

        IEnumerable<int> Below(int id) => children[id].SelectMany(child => Below(child).Prepend(child));
    }

    /// <summary>Those of the processes that still run.</summary>
    public static async Task<IReadOnlyList<int>> AliveAsync(IReadOnlyList<int> processes, CancellationToken cancellationToken) =>
        [.. (await ProcessesAsync(cancellationToken)).Select(process => process.Id).Intersect(processes)];

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Terminate();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    /// <summary>All processes but those that have ended and wait for their parent to notice.</summary>
    private static async Task<IEnumerable<(int Id, int Parent, string Command)>> ProcessesAsync(CancellationToken cancellationToken)
    {
        using var ps = Process.Start(new ProcessStartInfo("ps", ["-e", "-o", "pid=,ppid=,stat=,args="]) { RedirectStandardOutput = true })!;
        return (await ps.StandardOutput.ReadToEndAsync(cancellationToken)).Split('\n')
            .Select(line => line.Split(' ', count: 4, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            .Where(fields => fields.Length == 4 && !fields[2].StartsWith('Z'))
            .Select(fields =>
                (int.Parse(fields[0], CultureInfo.InvariantCulture), int.Parse(fields[1], CultureInfo.InvariantCulture), fields[3]));
    }

    private async Task ReadAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_output)
                _output.AppendLine(line);
            if (line.StartsWith("ready in", StringComparison.Ordinal))
                _ready.TrySetResult();
        }
    }
}
