using System.Collections.Concurrent;
using System.Threading.Channels;
using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.CdcProcessor.Running;

/// <summary>The one loop, for every pair of source and sink: read, write, acknowledge. Ends by cancellation or by a fault.</summary>
internal sealed partial class Pipeline(
    IChangeSource source, IChangeSink sink, ProcessorStatus status, CdcMetrics metrics, TimeProvider time, ILogger<Pipeline> logger)
{
    /// <summary>
    /// Applying is immediate; making it durable and acknowledging it happens at most so often: at once where it was long ago.
    /// </summary>
    private static readonly TimeSpan AcknowledgeEvery = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<int, SourcePosition> _applied = [];

    /// <summary>Which commits have passed a partition is announced now and then only, and stays true.</summary>
    private readonly Dictionary<int, ulong> _passed = [];
    private readonly Channel<Func<Task>> _turns = Channel.CreateUnbounded<Func<Task>>();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _hurry = NewHurry();
    private bool _unacknowledged;
    private long? _acknowledgedAt;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await OpenAsync(cancellationToken);
            await StreamAsync(cancellationToken);
        }
        finally
        {
            _ended.SetResult();
        }
    }

    /// <summary>Does something between two batches: nothing is written meanwhile.</summary>
    /// <exception cref="OperationException">The pipeline has ended, and what was asked has not been done, or not to its end.</exception>
    public async Task<T> BetweenBatchesAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _turns.Writer.TryWrite(
            async () =>
            {
                try
                {
                    done.SetResult(await work());
                }
                catch (Exception e)
                {
                    done.SetException(e);
                }
            });
        // A run that ends leaves turns untaken: a table that must be copied, a lost connection, a restart that was asked for.
        await Task.WhenAny(done.Task, _ended.Task).WaitAsync(cancellationToken);
        if (!done.Task.IsCompleted || done.Task.Exception?.InnerException is OperationCanceledException)
            throw new OperationException(
                $"The stream has begun anew meanwhile ({status.Reason}), so not all of this was done: ask once more.");
        return await done.Task;
    }

    /// <summary>Applies dead letters again, all that are open or those named; returns how many landed. Between two batches only.</summary>
    public async Task<int> RetryAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        var landed = await sink.RetryDeadLettersAsync(ids, cancellationToken);
        if (landed.Count > 0 && await source.MarkAsync(landed, cancellationToken) is { } derivation)
        {
            using (derivation)
                await sink.WriteAsync(derivation, cancellationToken);
        }
        return landed.Count;
    }

    private async Task StreamAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var largeRows = new LargeRowMemory(time);
        await using var batches = source.ReadAsync(stop.Token).GetAsyncEnumerator(stop.Token);
        var next = Task.FromResult(false);
        var watching = sink.WatchAsync(stop.Token);
        var acknowledging = Task.CompletedTask;
        try
        {
            next = batches.MoveNextAsync().AsTask();
            var turn = _turns.Reader.WaitToReadAsync(stop.Token).AsTask();
            while (true)
            {
                if (watching.IsCompleted)
                    await watching;
                if (acknowledging.IsCompleted)
                {
                    await acknowledging;
                    if (_unacknowledged)
                        acknowledging = AcknowledgeSoonAsync(largeRows, stop.Token);
                }
                if (sink.HasWork)
                    await sink.WorkAsync(cancellationToken);
                else
                    await Task.WhenAny(acknowledging.IsCompleted ? [next, turn, watching] : [next, turn, watching, acknowledging]);

                if (turn.IsCompleted)
                {
                    await turn;
                    while (_turns.Reader.TryRead(out var work))
                        await work();
                    turn = _turns.Reader.WaitToReadAsync(stop.Token).AsTask();
                }
                if (next.IsCompleted)
                {
                    if (!await next)
                        return;
                    var isLarge = LargeRowMemory.IsIn(batches.Current);
                    using (var batch = batches.Current)
                    {
                        // What a large row came in is free by now: the system gets it back before as much is wanted for ClickHouse.
                        if (isLarge)
                            LargeRowMemory.Collect();
                        await WriteAsync(batch, cancellationToken);
                    }
                    if (isLarge)
                    {
                        // The next may need as much, and a connection remembers what it has sent last until it sends again.
                        _hurry.SetResult();
                        await acknowledging;
                        largeRows.Taken();
                        acknowledging = AcknowledgeSoonAsync(largeRows, stop.Token);
                        await acknowledging;
                        _hurry = NewHurry();
                    }
                    next = batches.MoveNextAsync().AsTask();
                }
            }
        }
        finally
        {
            // An enumerator must not be disposed of while it moves.
            await stop.CancelAsync();
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await acknowledging.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task OpenAsync(CancellationToken cancellationToken)
    {
        var identity = await source.OpenAsync(cancellationToken);
        var progress = await sink.OpenAsync(cancellationToken);
        if (progress.IsPaused)
        {
            // Positions in the source's WAL tell how far behind a pause leaves the sink.
            foreach (var position in progress.Positions.Where(_ => identity.Ordered))
                status.Apply(position);
            throw new PausedException();
        }
        if (progress.ResetRequested)
        {
            await sink.ResetAsync(keepRows: await source.RestartAsync(progress, cancellationToken), cancellationToken);
            progress = await sink.OpenAsync(cancellationToken);
        }
        if (progress.Source is { } known && (known.Kind, known.Id, known.Ordered) != (identity.Kind, identity.Id, identity.Ordered))
        {
            throw new ResyncRequiredException(
                $"The tables were filled from {known.Kind} {known.Id}, and this source is {identity.Kind} {identity.Id}: their versions " +
                "do not compare. Run 'CdcProcessor resync --all' to start the tables anew.");
        }

        foreach (var position in progress.Positions)
            _passed[position.Partition] = position.CommitLsn;
        await source.ResumeAsync(progress, cancellationToken);
        await sink.BeginAsync(identity, cancellationToken);
    }

    private async Task WriteAsync(ChangeBatch batch, CancellationToken cancellationToken)
    {
        await RecordAsync(batch.Copies, cancellationToken);
        var started = time.GetTimestamp();
        using (batch.Count > 0 ? BatchTrace.Start(batch) : null)
            await sink.WriteAsync(batch, cancellationToken);
        if (batch.Count > 0)
        {
            var took = time.GetElapsedTime(started);
            metrics.Written(batch, took);
            LogWritten(batch.Count, batch.Size, took.TotalMilliseconds);
        }
        if (batch.Retries.Count > 0)
            await RetryAsync(batch.Retries, cancellationToken);

        batch.Written();
        foreach (var end in batch.Ends)
        {
            _passed[end.Partition] = Math.Max(end.CommitLsn, _passed.GetValueOrDefault(end.Partition));
            _applied[end.Partition] = end with { CommitLsn = _passed[end.Partition] };
            _unacknowledged = true;
            status.Apply(end);
        }
    }

    /// <summary>What relies on a copy may be written once it is recorded that the copy is due.</summary>
    private async Task RecordAsync(IReadOnlyList<TableCopy> copies, CancellationToken cancellationToken)
    {
        foreach (var copy in copies)
            await sink.SaveAsync(copy, cancellationToken);
        var due = copies.Where(copy => copy.State == CopyState.Requested).Select(copy => copy.Table).ToList();
        if (due.Count == 0)
            return;
        // Where a copy stands in the stream's order, it goes before what the next run streams.
        if (sink.CopiesInOrder)
            throw new CopyDueException(due);
        source.RequestCopy(due);
    }

    /// <summary>An acknowledgement that waits goes at once where this is set.</summary>
    private static TaskCompletionSource NewHurry() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task AcknowledgeSoonAsync(LargeRowMemory largeRows, CancellationToken cancellationToken)
    {
        // A lone commit is recorded as soon as it is visible: somebody may be waiting to read it.
        var due = _acknowledgedAt is { } last ? AcknowledgeEvery - time.GetElapsedTime(last) : TimeSpan.Zero;
        if (due > TimeSpan.Zero)
            await await Task.WhenAny(Task.Delay(due, time, cancellationToken), _hurry.Task);
        _acknowledgedAt = time.GetTimestamp();
        _unacknowledged = false;
        SourcePosition[] positions = [.. _applied.Values];
        if (positions.Length > 0)
        {
            await sink.MakeDurableAsync(positions, cancellationToken);
            await source.AcknowledgeAsync(positions, cancellationToken);
            status.Outage.End();
        }
        largeRows.GiveBack();
    }

    [LoggerMessage(EventId = 40, Level = LogLevel.Debug, Message = "Wrote {Changes} changes of {Bytes} bytes in {Milliseconds:0.0} ms")]
    private partial void LogWritten(int changes, long bytes, double milliseconds);
}

/// <summary>Tables must be copied before the stream goes on: the next run does that first.</summary>
internal sealed class CopyDueException(
    IReadOnlyList<string> tables) : Exception($"{string.Join(", ", tables)} must be copied anew before the stream goes on.");

/// <summary>Somebody has paused the pipeline.</summary>
internal sealed class PausedException() : Exception("The pipeline is paused: 'CdcProcessor resume' lets it go on.");
