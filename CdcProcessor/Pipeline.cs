using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.Running;

namespace AspireCdc.CdcProcessor;

/// <summary>The one loop, for every pair of source and sink: read, write, acknowledge. Returns only by cancellation or by a fault.</summary>
internal sealed class Pipeline(IChangeSource source, IChangeSink sink, ProcessorStatus status, TimeProvider time)
{
    /// <summary>Applying is immediate; making it durable and acknowledging it is what happens about once a second.</summary>
    private static readonly TimeSpan AcknowledgeEvery = TimeSpan.FromSeconds(1);

    private readonly Dictionary<int, SourcePosition> _applied = [];
    private Task? _acknowledgeDue;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var identity = await source.OpenAsync(cancellationToken);
        var progress = await sink.OpenAsync(cancellationToken);
        if (progress.Source is { } known && (known.Kind, known.Id, known.Ordered) != (identity.Kind, identity.Id, identity.Ordered))
        {
            throw new ResyncRequiredException(
                $"The tables were filled from {known.Kind} {known.Id}, and this source is {identity.Kind} {identity.Id}: their versions do not compare. Run 'CdcProcessor resync --all' to start the tables anew.");
        }

        await source.ResumeAsync(progress, cancellationToken);
        await sink.BeginAsync(identity, cancellationToken);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await using var batches = source.ReadAsync(stop.Token).GetAsyncEnumerator(stop.Token);
        Task<bool>? next = null;
        try
        {
            while (true)
            {
                next = batches.MoveNextAsync().AsTask();
                while (_acknowledgeDue is { } due && await Task.WhenAny(next, due) == due)
                    await AcknowledgeAsync(cancellationToken);

                if (!await next)
                    return;

                using var batch = batches.Current;
                await WriteAsync(batch, cancellationToken);
            }
        }
        finally
        {
            // An enumerator must not be disposed of while it moves.
            await stop.CancelAsync();
            if (next is not null)
                await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task WriteAsync(ChangeBatch batch, CancellationToken cancellationToken)
    {
        await sink.WriteAsync(batch, cancellationToken);
        batch.Written();

        foreach (var end in batch.Ends)
        {
            _applied[end.Partition] = end;
            status.Apply(end);
            _acknowledgeDue ??= Task.Delay(AcknowledgeEvery, time, cancellationToken);
        }

        if (_acknowledgeDue is { IsCompleted: true })
            await AcknowledgeAsync(cancellationToken);
    }

    private async Task AcknowledgeAsync(CancellationToken cancellationToken)
    {
        _acknowledgeDue = null;
        SourcePosition[] positions = [.. _applied.Values];
        await sink.MakeDurableAsync(positions, cancellationToken);
        await source.AcknowledgeAsync(positions, cancellationToken);
    }
}
