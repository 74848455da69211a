using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.CdcProcessor;

/// <summary>Where changes go. One instance serves one run: after a fault the pipeline starts another.</summary>
internal interface IChangeSink : IAsyncDisposable
{
    /// <summary>
    /// A copy must stand in the stream's order (Kafka: nothing above the copy's point goes out before it); otherwise it may run beside the
    /// stream, since landing versions place its rows.
    /// </summary>
    bool CopiesInOrder { get; }

    /// <summary>There is work beside the stream: <see cref="WorkAsync"/> is due.</summary>
    bool HasWork { get; }

    /// <summary>Does a piece of it, of a few hundred milliseconds at most. Called between two batches.</summary>
    Task WorkAsync(CancellationToken cancellationToken);

    /// <summary>Connects, checks the tables against the mapping (all mismatches at once), and tells what is there.</summary>
    Task<Progress> OpenAsync(CancellationToken cancellationToken);

    /// <summary>The source that will fill the sink from now on.</summary>
    Task BeginAsync(SourceIdentity source, CancellationToken cancellationToken);

    /// <summary>Looks at what it fills, beside the writes, until it is cancelled.</summary>
    /// <exception cref="NotReadyException">That is not as it must be any more: nothing is written until it is.</exception>
    Task WatchAsync(CancellationToken cancellationToken) => Task.Delay(Timeout.Infinite, cancellationToken);

    /// <summary>Applies a batch: readers see it when this returns. Called for one batch at a time, in order; a batch
    /// may come again after a crash.</summary>
    Task WriteAsync(ChangeBatch batch, CancellationToken cancellationToken);

    /// <summary>Records how far the sink was filled and makes all of that survive a power failure. May run beside the next write.</summary>
    /// <param name="positions">One for each partition that has come on, so at least one.</param>
    /// <param name="cancellationToken">Ends it; it is done again.</param>
    Task MakeDurableAsync(IReadOnlyCollection<SourcePosition> positions, CancellationToken cancellationToken);

    /// <summary>
    /// Empties itself of all progress, so that the next copy fills it anew; of the rows, too, unless they
    /// may stay until the copy replaces them.
    /// </summary>
    Task ResetAsync(bool keepRows, CancellationToken cancellationToken);

    /// <summary>Records that somebody wants the whole sink copied anew.</summary>
    Task RequestResetAsync(CancellationToken cancellationToken);

    /// <summary>Records that the pipeline rests, for all processors, or goes on.</summary>
    Task SetPausedAsync(bool paused, CancellationToken cancellationToken);

    /// <summary>
    /// Applies dead letters again, with their own versions: all that are open, or those named. Called between batches. Returns what
    /// landed and waits for its derivation.
    /// </summary>
    Task<IReadOnlyList<LandedRow>> RetryDeadLettersAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken);

    /// <summary>Records, durably, the state of a table's copy. A copy is done when the sink has applied its end (see
    /// <see cref="ChangeOperation.Derive"/>).</summary>
    Task SaveAsync(TableCopy copy, CancellationToken cancellationToken);
}
