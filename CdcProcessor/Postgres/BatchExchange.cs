namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// Hands batches from the reader of the WAL to the pipeline without a queue. The reader offers its batch at every commit; a pipeline that
/// waits takes it at once, and while the pipeline is busy the reader takes it back and goes on filling it. So a lone commit travels alone,
/// and a flood in batches as large as the sink is slow, or as large as it takes them best: where the stream is behind anyway, a pipeline
/// that waits lets a small batch grow for <see cref="Patience"/>.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class BatchExchange<T>(TimeProvider time)
    where T : class
{
    /// <summary>How long a batch may grow while the pipeline waits.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(0.5);

    private readonly Lock _lock = new();
    private T? _offered;
    private bool _mayGrow;
    private Exception? _fault;
    private volatile Taker? _taker;
    private TaskCompletionSource? _taken;

    /// <summary>The pipeline has waited long enough for a batch that may grow.</summary>
    public bool IsImpatient => _taker is { IsImpatient: true };

    /// <summary>The reader: here is a batch that may be taken.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="mayGrow">More comes at once, and nobody is waiting for this.</param>
    public void Offer(T batch, bool mayGrow = false)
    {
        lock (_lock)
        {
            if (_taker is { } taker && (!mayGrow || taker.IsImpatient))
            {
                _taker = null;
                taker.SetResult(batch);
                return;
            }
            (_offered, _mayGrow) = (batch, mayGrow);
            LetGrow();
        }
    }

    /// <summary>The reader: I go on filling what I offered. False if it was taken.</summary>
    public bool TryReclaim()
    {
        lock (_lock)
        {
            var reclaimed = _offered is not null;
            _offered = null;
            return reclaimed;
        }
    }

    /// <summary>The reader: the batch is full, I wait until it is taken.</summary>
    public Task WhenTakenAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_offered is null)
                return Task.CompletedTask;
            _taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _taken.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>The reader has ended.</summary>
    public void Fail(Exception fault)
    {
        lock (_lock)
        {
            _fault = fault;
            if (_taker is not { } taker)
                return;

            _taker = null;
            if (_offered is { } batch)
                taker.SetResult(batch);
            else
                taker.SetException(fault);
            _offered = null;
        }
    }

    /// <summary>The pipeline: give me the next batch. One call at a time.</summary>
    public Task<T> TakeAsync()
    {
        lock (_lock)
        {
            if (_offered is { } batch && (!_mayGrow || _fault is not null))
            {
                _offered = null;
                _taken?.TrySetResult();
                _taken = null;
                return Task.FromResult(batch);
            }
            if (_fault is not null)
                return Task.FromException<T>(_fault);

            _taker = new Taker();
            LetGrow();
            return _taker.Task;
        }
    }

    private void LetGrow()
    {
        if (_offered is null || _taker is not { LetsGrow: false } taker)
            return;
        taker.LetsGrow = true;
        _ = GrowImpatientAsync(taker);
    }

    private async Task GrowImpatientAsync(Taker taker)
    {
        await Task.Delay(Patience, time);
        lock (_lock)
        {
            if (_taker != taker)
                return;

            if (_offered is { } batch)
            {
                (_offered, _taker) = (null, null);
                taker.SetResult(batch);
            }
            else
            {
                taker.IsImpatient = true;
            }
        }
    }

    /// <summary>A pipeline that waits.</summary>
    private sealed class Taker() : TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        /// <summary>It has begun to let a batch grow.</summary>
        public bool LetsGrow { get; set; }

        /// <summary>It has let one grow for long enough.</summary>
        public bool IsImpatient { get; set; }
    }
}
