using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.CdcProcessor;

/// <summary>Where changes go. One instance serves one run: after a fault the pipeline starts another.</summary>
internal interface IChangeSink : IAsyncDisposable
{
    /// <summary>
    /// A copy must stand in the stream's order (Kafka: nothing above the copy's point goes out before it); otherwise it may run beside the stream, since landing
    /// versions place its rows.
    /// </summary>
    bool CopiesInOrder { get; }

    /// <summary>Connects, checks the tables against the mapping (all mismatches at once), and tells what is there.</summary>
    Task<Progress> OpenAsync(CancellationToken cancellationToken);

    /// <summary>The source that will fill the sink from now on.</summary>
    Task BeginAsync(SourceIdentity source, CancellationToken cancellationToken);

    /// <summary>Applies a batch: readers see it when this returns. Called for one batch at a time, in order; a batch may come again after a crash.</summary>
    Task WriteAsync(ChangeBatch batch, CancellationToken cancellationToken);

    /// <summary>Records how far the sink was filled and makes all of that survive a power failure. May run beside the next write.</summary>
    Task MakeDurableAsync(IReadOnlyCollection<SourcePosition> positions, CancellationToken cancellationToken);

    /// <summary>Records, durably, the state of a table's copy. A copy is done when the sink has applied its end (see <see cref="ChangeOperation.Derive"/>).</summary>
    Task SaveAsync(TableCopy copy, CancellationToken cancellationToken);
}
