namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>Keeps what reads many rows to so many a second, over all who read.</summary>
/// <param name="rowsPerSecond">0 for no limit.</param>
/// <param name="time">The clock.</param>
internal sealed class RowPace(int rowsPerSecond, TimeProvider time)
{
    private readonly long _started = time.GetTimestamp();
    private long _rows;

    /// <summary>Rests after so many rows.</summary>
    public Task RestAsync(int rows, CancellationToken cancellationToken)
    {
        var all = Interlocked.Add(ref _rows, rows);
        var rest = rowsPerSecond == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds((double)all / rowsPerSecond) - time.GetElapsedTime(_started);
        return rest > TimeSpan.Zero ? Task.Delay(rest, time, cancellationToken) : Task.CompletedTask;
    }
}
