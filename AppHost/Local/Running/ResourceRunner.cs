namespace AspireCdc.AppHost.Local.Running;

/// <summary>What every runner uses.</summary>
internal sealed record ResourceRunnerFactory(
    ResourceNotificationService Notifications, ResourceLoggerService Logs, HealthMonitor Health, Guardian Guardian, TimeProvider Time)
{
    public ResourceRunner Create(ExecutableResource resource, bool runsToCompletion) => new(resource, runsToCompletion, this);
}

/// <summary>
/// Runs one resource: waits for what it depends on, starts its process, watches its health, and starts it again when it crashes.
/// </summary>
internal sealed class ResourceRunner(ExecutableResource resource, bool runsToCompletion, ResourceRunnerFactory services)
{
    /// <summary>After so many crashes in a row the resource counts as failed.</summary>
    private const int MostCrashes = 5;

    /// <summary>A process that lived this long and crashes then starts again as if for the first time.</summary>
    private static readonly TimeSpan Stable = TimeSpan.FromSeconds(30);

    /// <summary>How long a process may take to end when it is asked to.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _order = new(1);
    private CancellationTokenSource _life = new();
    private Task _living = Task.CompletedTask;

    /// <summary>Starts the resource unless it lives.</summary>
    public Task StartAsync() => OrderAsync(() =>
    {
        if (!_living.IsCompleted)
            return Task.CompletedTask;
        _life.Dispose();
        _life = new();
        _living = LiveAsync(_life.Token);
        return Task.CompletedTask;
    });

    /// <summary>Ends the process, or the wait for its dependencies, and returns when it has ended.</summary>
    public Task StopAsync() => OrderAsync(async () =>
    {
        await _life.CancelAsync();
        await _living;
    });

    private async Task OrderAsync(Func<Task> order)
    {
        await _order.WaitAsync();
        try
        {
            await order();
        }
        finally
        {
            _order.Release();
        }
    }

    private async Task LiveAsync(CancellationToken cancellationToken)
    {
        // The caller goes on at once; other resources start meanwhile.
        await Task.Yield();
        try
        {
            for (var crashes = 0; ;)
            {
                await new DependencyWait(resource, services).WaitAsync(cancellationToken);
                var started = services.Time.GetTimestamp();
                var exitCode = await RunProcessAsync(cancellationToken);
                if (runsToCompletion)
                {
                    await PublishEndAsync(exitCode == 0 ? KnownResourceStates.Finished : KnownResourceStates.Exited, exitCode);
                    return;
                }

                crashes = services.Time.GetElapsedTime(started) > Stable ? 1 : crashes + 1;
                if (crashes >= MostCrashes)
                {
                    Log($"It has ended {crashes} times in a row, the last time with exit code {exitCode}; it is not started again.");
                    await PublishEndAsync(KnownResourceStates.FailedToStart, exitCode);
                    return;
                }

                var pause = TimeSpan.FromSeconds(1 << (crashes - 1));
                Log($"It has ended with exit code {exitCode} and starts again in {pause.TotalSeconds} s.");
                await PublishEndAsync(KnownResourceStates.Exited, exitCode);
                await Task.Delay(pause, services.Time, cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await PublishEndAsync(KnownResourceStates.Exited, exitCode: null);
        }
        catch (Exception exception)
        {
            // A command that does not exist, or a value that cannot be had: the reason belongs to this resource, and the others go on.
            Log($"It cannot start: {exception.Message}");
            await PublishEndAsync(KnownResourceStates.FailedToStart, exitCode: null);
        }
    }

    private async Task<int> RunProcessAsync(CancellationToken cancellationToken)
    {
        await PublishAsync(snapshot => snapshot with
        {
            State = KnownResourceStates.Starting,
            ExitCode = null,
            StopTimeStamp = null,
            HealthReports = [.. HealthMonitor.KeysOf(resource).Select(key => new HealthReportSnapshot(key, Status: null, Description: null, ExceptionText: null))],
        });
        var launch = await Launch.OfAsync(resource, cancellationToken);
        await using var process = ChildProcess.Start(
            resource.Command, launch.Arguments, resource.WorkingDirectory, launch.Environment, services.Guardian,
            (line, isError) => services.Logs.Write(resource.Name, line, isError));
        await PublishAsync(snapshot => snapshot with
        {
            State = KnownResourceStates.Running,
            StartTimeStamp = services.Time.GetUtcNow().UtcDateTime,
            Properties = launch.Properties(resource, process.Id),
            EnvironmentVariables = [.. launch.Environment.OrderBy(variable => variable.Key).Select(variable => new EnvironmentVariableSnapshot(variable.Key, variable.Value, IsFromSpec: true))],
            Urls = [.. snapshot.Urls.Select(url => url with { IsInactive = false })],
        });

        using var watching = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var health = services.Health.WatchAsync(resource, watching.Token);
        try
        {
            return await process.WaitForExitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            await PublishAsync(snapshot => snapshot with { State = KnownResourceStates.Stopping });
            await process.StopAsync(Patience);
            throw;
        }
        finally
        {
            await watching.CancelAsync();
            await health.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task PublishEndAsync(string state, int? exitCode) => PublishAsync(snapshot => snapshot with
    {
        State = new(state, Style: state == KnownResourceStates.FailedToStart || exitCode is not (null or 0) ? "error" : null),
        ExitCode = exitCode,
        StopTimeStamp = services.Time.GetUtcNow().UtcDateTime,
        HealthReports = [],
        Urls = [.. snapshot.Urls.Select(url => url with { IsInactive = true })],
    });

    private Task PublishAsync(Func<CustomResourceSnapshot, CustomResourceSnapshot> change) => services.Notifications.PublishUpdateAsync(resource, change);

    private void Log(string sentence) => services.Logs.Write(resource.Name, $"[AppHost] {sentence}", isError: true);
}
