using System.Runtime.CompilerServices;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace AspireCdc.CdcProcessor.Operations;

/// <summary>
/// <c>/operations/flow</c>: what the processor does, told as it changes, for whoever shows it. From memory alone; its end tells the reader
/// at once that the processor has gone.
/// </summary>
internal static class FlowEndpoint
{
    /// <summary>Lag is only known when it is asked for, so this looks; nothing is read for it, and only while somebody listens.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>Silence that is longer than this means that the processor hangs.</summary>
    private static readonly TimeSpan TellAtLeastEvery = TimeSpan.FromMilliseconds(500);

    public static ServerSentEventsResult<FlowReport> Follow(
        ProcessorStatus status, RecentFlow recent, Pair pair, TimeProvider time, IHostApplicationLifetime lifetime,
        CancellationToken cancellationToken) =>
        TypedResults.ServerSentEvents(FollowAsync(status, recent, pair, time, lifetime.ApplicationStopping, cancellationToken));

    private static async IAsyncEnumerable<FlowReport> FollowAsync(
        ProcessorStatus status, RecentFlow recent, Pair pair, TimeProvider time, CancellationToken stopping,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(LookEvery, time);
        using var stopsTimer = stopping.Register(timer.Dispose);
        FlowReport? last = null;
        var told = 0L;
        do
        {
            SourceLag? lag = pair.Source == Pair.Kafka ? null : status.Lag;
            var now = new FlowReport(
                status.Phase.ToString(), status.Reason, pair.Source, AppliedIn(status), lag?.Bytes, lag?.Seconds, status.OpenDeadLetters);
            if (now == last && time.GetElapsedTime(told) < TellAtLeastEvery)
                continue;
            (last, told) = (now, time.GetTimestamp());
            yield return now with { Changes = recent.Read() };
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    /// <summary>
    /// The commit up to which readers of the sink see everything, as far as the source tells, and this processor alone knows.
    /// </summary>
    private static string? AppliedIn(ProcessorStatus status)
    {
        var applied = status.Applied;
        if (applied.Count == 0 || applied.Count < status.Partitions)
            return null;
        var lsn = applied.Min(position => position.Partition < 0 ? position.Position : position.CommitLsn);
        return lsn == 0 ? null : Lsn.Format(lsn);
    }
}

/// <summary>What the processor does at a moment.</summary>
/// <param name="Phase">One of <see cref="Phase"/>.</param>
/// <param name="Reason">Why it is so; empty while all is well.</param>
/// <param name="Source">What it reads: <c>postgresql</c> or <c>kafka</c>.</param>
/// <param name="Applied">
/// The commit up to which the sink shows everything, like <c>0/1A2B3C4</c>; null where the source does not tell, or other processors have
/// some of its partitions.
/// </param>
/// <param name="LagBytes">
/// WAL that the source has and the sink has not; null behind Kafka, whose own tools tell the consumer group's.
/// </param>
/// <param name="LagSeconds">The age of the oldest commit that the sink has not; null likewise.</param>
/// <param name="DeadLetters">Changes that could not be applied and wait.</param>
internal sealed record FlowReport(
    string Phase, string Reason, string Source, string? Applied, long? LagBytes, double? LagSeconds, long DeadLetters)
{
    /// <summary>Changes applied, and the milliseconds from each commit until its changes were visible.</summary>
    public FlowSummary? Changes { get; init; }
}
