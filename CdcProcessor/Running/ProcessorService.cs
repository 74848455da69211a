namespace AspireCdc.CdcProcessor.Running;

/// <summary>Runs the pipeline for as long as the process lives: after a fault a new source and a new sink take up where the last ones were acknowledged.</summary>
internal sealed partial class ProcessorService(PipelineFactory factory, ProcessorControl control, ProcessorStatus status, TimeProvider time, ILogger<ProcessorService> logger)
    : BackgroundService
{
    private static readonly TimeSpan WaitBetweenLooks = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WaitForResync = TimeSpan.FromSeconds(10);

    /// <summary>Since when it has not worked, and why; null while it does.</summary>
    private long? _outage;
    private string? _fault;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var backoff = new Backoff();
        status.Entered += EndOutage;
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
                if (_outage is null || _fault != e.Message)
                    LogFault(e, e.Message, pause.TotalSeconds);
                else
                    LogStill(e.Message, time.GetElapsedTime(_outage.Value).TotalSeconds, pause.TotalSeconds);
                (_outage, _fault) = (_outage ?? time.GetTimestamp(), e.Message);
                status.Enter(Phase.Faulted, e.Message);
            }

            await control.WaitAsync(pause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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

    private void EndOutage(Phase phase)
    {
        if (phase is not (Phase.Streaming or Phase.StandingBy) || _outage is not { } began)
            return;
        _outage = null;
        LogRecovered(time.GetElapsedTime(began).TotalSeconds);
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
    private partial void LogFault(Exception exception, string reason, double seconds);

    [LoggerMessage(EventId = 7, Level = LogLevel.Information, Message = "The pipeline works again, after {Seconds:0.0} s")]
    private partial void LogRecovered(double seconds);

    [LoggerMessage(EventId = 6, Level = LogLevel.Information, Message = "The pipeline has stood for {Outage:0.0} s: {Reason} Trying again in {Seconds:0.0} s.")]
    private partial void LogStill(string reason, double outage, double seconds);

    [LoggerMessage(EventId = 5, Level = LogLevel.Information, Message = "{Reason}")]
    private partial void LogCopyDue(string reason);

    [LoggerMessage(EventId = 4, Level = LogLevel.Information, Message = "{Reason}")]
    private partial void LogPaused(string reason);
}
