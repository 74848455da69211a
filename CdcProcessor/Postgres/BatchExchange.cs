namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// Hands batches from the reader of the WAL to the pipeline without a queue. The reader offers its batch at every commit; a pipeline that
/// waits takes it at once, and while the pipeline is busy the reader takes it back and goes on filling it. So a lone commit travels alone,
/// and a flood in batches as large as the sink is slow.
/// </summary>
internal sealed class BatchExchange<T>
    where T : class
{
    private readonly Lock _lock = new();
    private T? _offered;
    private Exception? _fault;
    private TaskCompletionSource<T>? _taker;
    private TaskCompletionSource? _taken;

    /// <summary>The reader: here is a batch that may be taken.</summary>
    public void Offer(T batch)
    {
        lock (_lock)
        {
            if (_taker is { } taker)
            {
                _taker = null;
                taker.SetResult(batch);
            }
            else
            {
                _offered = batch;
            }
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
            _taker?.TrySetException(fault);
            _taker = null;
        }
    }

    /// <summary>The pipeline: give me the next batch. One call at a time.</summary>
    public Task<T> TakeAsync()
    {
        lock (_lock)
        {
            if (_offered is { } batch)
            {
                _offered = null;
                _taken?.TrySetResult();
                _taken = null;
                return Task.FromResult(batch);
            }
            if (_fault is not null)
                return Task.FromException<T>(_fault);

            _taker = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
            return _taker.Task;
        }
    }
}
