using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.CdcProcessor;

/// <summary>The one loop, for every pair of source and sink: read, write, acknowledge. Returns only by cancellation or by a fault.</summary>
internal sealed class Pipeline(IChangeSource source, IChangeSink sink, TimeProvider time)
{
    /// <summary>Applying is immediate; making it durable and acknowledging it is what happens about once a second.</summary>
    private static readonly TimeSpan AcknowledgeEvery = TimeSpan.FromSeconds(1);

    private readonly Dictionary<int, SourcePosition> applied = [];
    private Task? acknowledgeDue;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var progress = await sink.OpenAsync(cancellationToken);
        var identity = await source.OpenAsync(progress, cancellationToken);
        await sink.BeginAsync(identity, cancellationToken);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await using var batches = source.ReadAsync(stop.Token).GetAsyncEnumerator(stop.Token);
        Task<bool>? next = null;
        try
        {
            while (true)
            {
                next = batches.MoveNextAsync().AsTask();
                while (acknowledgeDue is { } due && await Task.WhenAny(next, due) == due)
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
            applied[end.Partition] = end;
            acknowledgeDue ??= Task.Delay(AcknowledgeEvery, time, cancellationToken);
        }

        if (acknowledgeDue is { IsCompleted: true })
            await AcknowledgeAsync(cancellationToken);
    }

    private async Task AcknowledgeAsync(CancellationToken cancellationToken)
    {
        acknowledgeDue = null;
        SourcePosition[] positions = [.. applied.Values];
        await sink.MakeDurableAsync(positions, cancellationToken);
        await source.AcknowledgeAsync(positions, cancellationToken);
    }
}
