namespace AspireCdc.Benchmarks.Cdc;

/// <summary>Asking until it is so: what a reader of the copy would do, with the same pauses for every contender.</summary>
internal static class Poll
{
    /// <summary>Rare enough to leave the machine to the drain.</summary>
    public static readonly TimeSpan Drain = TimeSpan.FromMilliseconds(50);

    /// <summary>A lone commit is waited for without a pause: the question's own time is the resolution.</summary>
    public static readonly TimeSpan Commit = TimeSpan.Zero;

    public static async Task UntilAsync(Func<Task<bool>> holds, TimeSpan pause, CancellationToken cancellationToken)
    {
        while (!await holds())
            await Task.Delay(pause, cancellationToken);
    }
}
