using AspireCdc.CdcProcessor.Kafka;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.Running;

/// <summary>
/// What people ask of a running processor. Each request is recorded in the sink first, so that it outlives the
/// process; then the run hears of it at once.
/// </summary>
internal sealed class ProcessorControl(PipelineFactory factory, Pair pair, StarModel model, ProcessorStatus status, TimeProvider time)
{
    private readonly Lock _lock = new();
    private Run? _run;
    private TaskCompletionSource _wake = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The run was cancelled so that another one begins.</summary>
    public bool RestartAsked { get; private set; }

    public Run Begin(IChangeSource source, IChangeSink sink, Pipeline pipeline, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            RestartAsked = false;
            _wake = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _run = new Run(this, source, sink, pipeline, cancellationToken);
        }
    }

    /// <summary>Waits between two runs, or until a sign of life, or until somebody asks for something.</summary>
    public Task WaitAsync(TimeSpan pause, Task sign, CancellationToken cancellationToken) =>
        Task.WhenAny(Task.Delay(pause, time, cancellationToken), sign, _wake.Task);

    public async Task PauseAsync(CancellationToken cancellationToken)
    {
        await WithSinkAsync(sink => sink.SetPausedAsync(true, cancellationToken));
        Restart();
    }

    public async Task ResumeAsync(CancellationToken cancellationToken)
    {
        await WithSinkAsync(sink => sink.SetPausedAsync(false, cancellationToken));
        Restart();
    }

    /// <summary>Copies these tables anew beside the stream.</summary>
    public async Task ResyncAsync(IReadOnlyList<string> tables, CancellationToken cancellationToken)
    {
        TableMapping[] mappings = [.. tables.Select(table => model.Find(table)
            ?? throw new OperationException(
                $"There is no table '{table}' in the mapping: it has {string.Join(", ", model.Tables.Select(known => known.Source))}."))];
        if (pair.Source == Pair.Kafka)
            throw new OperationException(KafkaChangeSource.ResyncIsTheConnectors);
        if (status.Phase == Phase.StandingBy)
            throw new OperationException($"{status.Reason} Ask that one.");

        foreach (var table in mappings)
            await WithSinkAsync(sink =>
                sink.SaveAsync(new TableCopy(table.Source, CopyState.Requested, 0, table.Fingerprint), cancellationToken));
        // Where a copy stands in the stream's order, it goes before what the next run streams.
        if (Current?.Sink.CopiesInOrder == true)
            Restart();
        else if (Current is { } run)
            run.Source.RequestCopy([.. mappings.Select(table => table.Source)]);
    }

    /// <summary>Starts everything anew.</summary>
    public async Task ResyncAllAsync(CancellationToken cancellationToken)
    {
        if (status.Phase == Phase.StandingBy)
            throw new OperationException($"{status.Reason} Ask that one.");

        await WithSinkAsync(sink => sink.RequestResetAsync(cancellationToken));
        Restart();
    }

    /// <summary>Applies dead letters again, or has them applied; returns what will come of it, as a sentence.</summary>
    public async Task<string> RetryAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        if (pair.Sink == Pair.Kafka)
            throw new OperationException(KafkaChangeSink.DeadLettersAreTheProcessors);
        if (pair.Source == Pair.Kafka)
        {
            var asked = await factory.CreateRetryRequests().SendAsync(ids, cancellationToken);
            return $"{asked} dead letters will be applied again, each by the processor that has its partition, in the order of the " +
                "topic; what cannot be stays, with its reason.";
        }
        if (status.Phase != Phase.Streaming || Current is not { } run)
            throw new OperationException($"Dead letters are retried by the processor that streams, and this one does not: {status.Reason}");

        var landed = await run.Pipeline.BetweenBatchesAsync(() => run.Pipeline.RetryAsync(ids, run.Token), cancellationToken);
        return $"{landed} dead letters were applied; what could not be stays, with its reason.";
    }

    private Run? Current
    {
        get
        {
            lock (_lock)
                return _run;
        }
    }

    private async Task WithSinkAsync(Func<IChangeSink, Task> work)
    {
        await using var sink = factory.CreateSink();
        await work(sink);
    }

    private void Restart()
    {
        lock (_lock)
        {
            RestartAsked = true;
            _run?.Cancel();
            _wake.TrySetResult();
        }
    }

    private void End(Run run)
    {
        lock (_lock)
        {
            if (_run == run)
                _run = null;
        }
    }

    /// <summary>One run of the pipeline, from its start to its fault.</summary>
    public sealed class Run(ProcessorControl control, IChangeSource source, IChangeSink sink, Pipeline pipeline,
        CancellationToken cancellationToken) : IDisposable
    {
        private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);

        public IChangeSource Source => source;

        public IChangeSink Sink => sink;

        public Pipeline Pipeline => pipeline;

        public CancellationToken Token => _stop.Token;

        public void Cancel() => _stop.Cancel();

        public void Dispose()
        {
            control.End(this);
            _stop.Dispose();
        }
    }
}
