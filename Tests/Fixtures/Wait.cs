using System.Diagnostics;

namespace AspireCdc.Tests.Fixtures;

/// <summary>Waiting for a condition with a deadline.</summary>
internal static class Wait
{
    private static readonly TimeSpan DefaultDeadline = TimeSpan.FromMinutes(2);

    /// <summary>
    /// Between two looks: soon again at first, then more and more seldom, so that those who wait take no time from what they wait for.
    /// </summary>
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    /// <summary>Returns when the condition holds; fails with <paramref name="what"/> when it does not in time.</summary>
    public static Task UntilAsync(
        Func<Task<bool>> condition, string what, CancellationToken cancellationToken, TimeSpan? deadline = null) =>
        ForAsync(condition, holds => holds, what, cancellationToken, deadline);

    /// <summary>Reads a value until it is as expected, and returns it; the failure names the last value seen.</summary>
    public static async Task<T> ForAsync<T>(
        Func<Task<T>> read, Func<T, bool> expected, string what, CancellationToken cancellationToken, TimeSpan? deadline = null)
    {
        var limit = deadline ?? DefaultDeadline;
        var watch = Stopwatch.StartNew();
        var pause = FirstPause;
        while (true)
        {
            var value = await read();
            if (expected(value))
                return value;
            if (watch.Elapsed > limit)
                throw new TimeoutException($"Waited {limit.TotalSeconds:0} s for {what}; the last value was {value}.");
            await Task.Delay(pause, cancellationToken);
            pause = pause * 1.4 < LongestPause ? pause * 1.4 : LongestPause;
        }
    }
}
