namespace AspireCdc.Api.Live.Feed;

/// <summary>How a database is watched that tells nobody of its changes: by looking again and again, at a small share of its time.</summary>
internal static class Looking
{
    /// <summary>What changes while people look.</summary>
    public static readonly TimeSpan Often = TimeSpan.FromMilliseconds(200);

    /// <summary>A database that takes longer hangs, or is too busy to be looked at; one that has gone refuses at once.</summary>
    private static readonly TimeSpan LongestLook = TimeSpan.FromSeconds(5);

    /// <summary>Rests this many times as long as a look has taken, so that a large table is not read all the time.</summary>
    private const int Rest = 4;

    /// <summary>Looks so often at most, until it is cancelled; what fails is told as a sentence, with whether it hangs.</summary>
    public static async Task RepeatAsync(
        string what, TimeSpan often, TimeProvider time, Func<CancellationToken, Task> look, Action<string, bool> tellProblem,
        CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            var began = time.GetTimestamp();
            var rest = often;
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(LongestLook);
            try
            {
                // What a driver does before it first waits must not hold up the other watches.
                await Task.Run(() => look(patience.Token), patience.Token).WaitAsync(patience.Token);
                rest = time.GetElapsedTime(began) * Rest;
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (OperationCanceledException)
            {
                tellProblem($"{what} does not answer within {LongestLook.TotalSeconds} s: it hangs, or has too much to do.", true);
            }
            catch (Exception e)
            {
                tellProblem($"{what} cannot be read: {e.GetBaseException().Message}", false);
            }

            await Task.Delay(rest > often ? rest : often, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
