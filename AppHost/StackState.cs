using System.Text.Json;
using AspireCdc.AppHost.Embedded;
using Microsoft.Extensions.Hosting;

namespace AspireCdc.AppHost;

/// <summary>Where and how a running stack can be reached, for commands in other terminals.</summary>
/// <param name="ProcessId">AppHost's.</param>
/// <param name="Shop">The shop's connection string; null before PostgreSQL answers.</param>
/// <param name="ClickHouse">The star's connection string; null before ClickHouse answers.</param>
/// <param name="Api">The API's address; null before everything has been started.</param>
/// <param name="Processor">The change processor's address; null before everything has been started.</param>
/// <param name="Names">What its projects have in PostgreSQL.</param>
internal sealed record RunningStack(
    int ProcessId, string? Shop = null, string? ClickHouse = null, string? Api = null, string? Processor = null, CdcNames? Names = null);

/// <summary>
/// The folder in which a checkout's databases live. One AppHost at a time has it: it holds a lock, and a file beside the lock says who it
/// is and where its databases answer.
/// </summary>
internal sealed class StackState : IHostedLifecycleService, IDisposable
{
    /// <summary>What PostgreSQL's first files and its write-ahead log take, and as much again.</summary>
    private const long LeastFreeBytes = 200 << 20;

    private readonly FileStream _lock;
    private readonly string _folder;
    private readonly Lock _telling = new();
    private RunningStack _running = new(Environment.ProcessId);
    private bool _isOver;

    private StackState(string folder, FileStream held)
    {
        _folder = folder;
        _lock = held;
        WasKilled = File.Exists(RunningFile(folder));
    }

    /// <summary>The last AppHost over this folder did not end in order; what it started may still be ending.</summary>
    public bool WasKilled { get; }

    public string Postgres => Path.Combine(_folder, "postgres");

    public string ClickHouse => Path.Combine(_folder, "clickhouse");

    /// <summary>Adds the addresses of what has been started last, once everything has.</summary>
    public Func<RunningStack, RunningStack>? Describe { get; set; }

    /// <summary>The folder of this checkout, or the one that was asked for.</summary>
    public static string FolderOf(string? chosen) => Path.GetFullPath(chosen ?? Path.Combine(Checkout.Root, ".aspirecdc"));

    /// <summary>Takes the folder for this process.</summary>
    /// <exception cref="AppHostException">Another AppHost has it, or it cannot be used.</exception>
    public static StackState Take(string folder, bool reset)
    {
        try
        {
            Directory.CreateDirectory(folder);
            if (FileLock.TryTake(LockFile(folder)) is not { } held)
            {
                var other = Read(folder) is { } running ? $"AppHost (process {running.ProcessId})" : "AppHost";
                throw new AppHostException(
                    $"Another {other} runs on {folder}. Stop it, or give this one a folder and " +
                    "ports of its own: --state FOLDER --Ports:…=0");
            }

            var state = new StackState(folder, held);
            if (reset)
                state.Reset();
            state.Tell(now => now);
            return new DriveInfo(folder).AvailableFreeSpace is var free && free >= LeastFreeBytes
                ? state
                : throw new AppHostException(
                    $"Only {free >> 20} MB are free on the disk of {folder}, and the databases need {LeastFreeBytes >> 20} MB to start. " +
                    "Free some, or choose a folder on another disk: --state FOLDER");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new AppHostException(
                $"The folder for the databases cannot be used: {exception.Message} Choose another one: --state FOLDER", exception);
        }
    }

    /// <summary>The stack that runs on the folder, or null.</summary>
    public static RunningStack? FindRunning(string folder)
    {
        if (!File.Exists(LockFile(folder)))
            return null;
        using var free = FileLock.TryTake(LockFile(folder));
        return free is null ? Read(folder) : null;
    }

    /// <summary>The process of an AppHost that was killed and has left its state behind, or null.</summary>
    public static int? WasLeft(string folder) => FindRunning(folder) is null ? Read(folder)?.ProcessId : null;

    /// <summary>Tells other terminals what is known by now; by renaming, so that nobody reads half of it.</summary>
    public void Tell(Func<RunningStack, RunningStack> more)
    {
        lock (_telling)
        {
            if (_isOver)
                return;
            _running = more(_running);
            var draft = RunningFile(_folder) + ".new";
            File.WriteAllText(draft, JsonSerializer.Serialize(_running));
            File.Move(draft, RunningFile(_folder), overwrite: true);
        }
    }

    /// <summary>The ports are known.</summary>
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        if (Describe is not null)
            Tell(Describe);
        return Task.CompletedTask;
    }

    Task IHostedLifecycleService.StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostedService.StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostedLifecycleService.StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostedService.StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostedLifecycleService.StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        lock (_telling)
        {
            _isOver = true;
            File.Delete(RunningFile(_folder));
            _lock.Dispose();
        }
    }

    private static string LockFile(string folder) => Path.Combine(folder, "apphost.lock");

    private static string RunningFile(string folder) => Path.Combine(folder, "running.json");

    private static RunningStack? Read(string folder)
    {
        try
        {
            return JsonSerializer.Deserialize<RunningStack>(File.ReadAllText(RunningFile(folder)));
        }
        catch (Exception exception) when (exception is IOException or JsonException)
        {
            return null;
        }
    }

    /// <summary>By these a folder of either server is known.</summary>
    private static readonly string[] Made = ["PG_VERSION", "metadata", "configuration"];

    private void Reset()
    {
        foreach (var folder in (string[])[Postgres, ClickHouse])
        {
            if (!Directory.Exists(folder))
                continue;
            // What a start that was interrupted has left is empty, or has one of these.
            if (Directory.EnumerateFileSystemEntries(folder).Any() && !Made.Any(name => Path.Exists(Path.Combine(folder, name))))
                throw new AppHostException(
                    $"{folder} holds something that is no database of this program, so --reset leaves it alone. "
                    + "Empty it, or choose another folder: --state FOLDER");
            Directory.Delete(folder, recursive: true);
        }
    }
}
