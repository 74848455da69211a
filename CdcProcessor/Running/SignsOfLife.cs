using AspireCdc.CdcProcessor.ClickHouse;
using Npgsql;

namespace AspireCdc.CdcProcessor.Running;

/// <summary>
/// Asks the two databases whether they answer: a wait for one that has gone ends as soon as it is there again. Kafka's clients come back by
/// themselves.
/// </summary>
internal sealed class SignsOfLife(IServiceProvider services, Pair pair, TimeProvider time)
{
    private static readonly TimeSpan AskEvery = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Completes when a database answers that did not when this began; never if all answer, for then something else is wrong.
    /// </summary>
    public async Task ComeBackAsync(CancellationToken cancellationToken)
    {
        var away = new List<Func<CancellationToken, Task<bool>>>();
        foreach (var end in (Func<CancellationToken, Task<bool>>[])[SourceAnswersAsync, SinkAnswersAsync])
        {
            if (!await end(cancellationToken))
                away.Add(end);
        }
        while (true)
        {
            // Nothing signals that a server is there again.
            await Task.Delay(AskEvery, time, cancellationToken);
            foreach (var end in away)
            {
                if (await end(cancellationToken))
                    return;
            }
        }
    }

    /// <summary>PostgreSQL answers, where this processor reads it.</summary>
    public Task<bool> SourceAnswersAsync(CancellationToken cancellationToken) =>
        pair.Source != Pair.Postgres ? Task.FromResult(true) : AnswersAsync(
        async token =>
        {
            await using var command = services.GetRequiredService<NpgsqlDataSource>().CreateCommand("SELECT 1");
            await command.ExecuteScalarAsync(token);
        }, cancellationToken);

    /// <summary>ClickHouse answers, where this processor writes to it.</summary>
    public Task<bool> SinkAnswersAsync(CancellationToken cancellationToken) =>
        pair.Sink != Pair.ClickHouse ? Task.FromResult(true) : AnswersAsync(
        token => services.GetRequiredService<ClickHouseClient>().ScalarAsync("SELECT 1", token), cancellationToken);

    private async Task<bool> AnswersAsync(Func<CancellationToken, Task> ask, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        try
        {
            await ask(either.Token);
            return true;
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }
}
