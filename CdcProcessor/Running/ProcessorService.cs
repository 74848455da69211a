namespace AspireCdc.CdcProcessor.Running;

/// <summary>Runs the pipeline for as long as the process lives: after a fault a new source and a new sink take up where the
/// last ones were acknowledged.</summary>
internal sealed partial class ProcessorService(PipelineFactory factory, ProcessorControl control, ProcessorStatus status, SignsOfLife signs,
    TimeProvider time, ILogger<ProcessorService> logger)
    : BackgroundService
{
    private static readonly TimeSpan WaitBetweenLooks = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WaitForResync = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var backoff = new Backoff();
        while (!stoppingToken.IsCancellationRequested)
        {
            TimeSpan pause;
            var started = time.GetTimestamp();
            try
            {
                await RunOnceAsync(stoppingToken);
                pause = TimeSpan.Zero;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (OperationCanceledException) when (control.RestartAsked)
            {
                pause = TimeSpan.Zero;
            }
            catch (CopyDueException e)
            {
                pause = TimeSpan.Zero;
                LogCopyDue(e.Message);
            }
            catch (PausedException e)
            {
                pause = WaitBetweenLooks;
                Enter(Phase.Paused, e.Message, LogPaused);
            }
            catch (NotReadyException e)
            {
                pause = WaitBetweenLooks;
                Enter(Phase.Waiting, e.Message, LogWaiting);
            }
            catch (ResyncRequiredException e)
            {
                pause = WaitForResync;
                Enter(Phase.ResyncRequired, e.Message, LogResyncRequired);
            }
            catch (Exception e)
            {
                if (time.GetElapsedTime(started) > TimeSpan.FromMinutes(1))
                    backoff.Reset();
                pause = backoff.Next();
                status.Enter(Phase.Faulted, e.Message);
                if (status.Outage.Begin(e.Message))
                    LogFault(e.Message, pause.TotalSeconds);
                LogFaultWhole(e);
                using var sign = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
                await control.WaitAsync(pause, signs.ComeBackAsync(sign.Token), stoppingToken)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await sign.CancelAsync();
                continue;
            }

            await control.WaitAsync(pause, Task.Delay(Timeout.Infinite, stoppingToken), stoppingToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RunOnceAsync(CancellationToken cancellationToken)
    {
        await using var sink = factory.CreateSink();
        await using var source = factory.CreateSource(sink);
        var pipeline = factory.CreatePipeline(source, sink);
        using var run = control.Begin(source, sink, pipeline, cancellationToken);
        await pipeline.RunAsync(run.Token);
    }

    /// <summary>Says it once, however often the next attempts find the same.</summary>
    private void Enter(Phase phase, string reason, Action<string> log)
    {
        if (status.Phase != phase || status.Reason != reason)
            log(reason);
        status.Enter(phase, reason);
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "{Reason}")]
    private partial void LogWaiting(string reason);

    [LoggerMessage(EventId = 2, Level = LogLevel.Error, Message = "{Reason}")]
    private partial void LogResyncRequired(string reason);

    [LoggerMessage(EventId = 3, Level = LogLevel.Error, Message = "The pipeline stopped: {Reason} Trying again in {Seconds:0.0} s.")]
    private partial void LogFault(string reason, double seconds);

    [LoggerMessage(EventId = 6, Level = LogLevel.Debug, Message = "An attempt failed")]
    private partial void LogFaultWhole(Exception exception);

    [LoggerMessage(EventId = 5, Level = LogLevel.Information, Message = "{Reason}")]
    private partial void LogCopyDue(string reason);

    [LoggerMessage(EventId = 4, Level = LogLevel.Information, Message = "{Reason}")]
    private partial void LogPaused(string reason);
}
