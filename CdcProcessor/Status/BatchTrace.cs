using System.Diagnostics;
using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.CdcProcessor.Status;

/// <summary>
/// A batch's spans. Each traced transaction in it has one in its own trace, from its commit until it is visible; the batch, which is
/// written once for all of them, is below the first one's, and links to every one.
/// </summary>
internal sealed class BatchTrace : IDisposable
{
    /// <summary>The name of the source, and of the meter.</summary>
    public const string Name = "AspireCdc.CdcProcessor";

    private static readonly ActivitySource Source = new(Name);

    private readonly List<Activity> _commits;
    private readonly Activity? _batch;

    private BatchTrace(List<Activity> commits, Activity? batch) => (_commits, _batch) = (commits, batch);

    /// <summary>Begins; null where nobody traces.</summary>
    public static BatchTrace? Start(ChangeBatch batch)
    {
        if (!Source.HasListeners())
            return null;

        CountChanges(batch);
        var commits = new List<Activity>();
        foreach (var commit in batch.Traces.Where(commit => commit.Rows > 0))
        {
            if (Start(commit) is { } activity)
                commits.Add(activity);
        }
        var parent = commits.FirstOrDefault()?.Context ?? batch.Traces.Select(commit => commit.Origin).FirstOrDefault();
        var links = batch.Traces.Select(commit => commit.Origin).Concat(commits.Skip(1).Select(commit => commit.Context))
            .Select(context => new ActivityLink(context));
        var written = Source.StartActivity("cdc batch", ActivityKind.Consumer, parent, links: links);
        written?.SetTag("cdc.batch.size", batch.Count);
        return new BatchTrace(commits, written);
    }

    /// <summary>A step of what is being traced; null where nothing is.</summary>
    public static Activity? Step(string name, ActivityKind kind = ActivityKind.Internal) =>
        Activity.Current is { Recorded: true } ? Source.StartActivity(name, kind) : null;

    /// <summary>What was written is visible.</summary>
    public void Dispose()
    {
        _batch?.Dispose();
        foreach (var commit in _commits)
            commit.Dispose();
    }

    /// <summary>
    /// From the commit on, by PostgreSQL's clock: so much of it as is before the batch was spent in the WAL and on the way.
    /// </summary>
    private static Activity? Start(TracedCommit commit)
    {
        var around = Activity.Current;
        var activity = Source.StartActivity(
            "cdc transaction", ActivityKind.Consumer, commit.Origin,
            startTime: commit.Time == 0 ? default : DateTimeOffset.UnixEpoch.AddMicroseconds(commit.Time));
        Activity.Current = around;
        if (activity is null)
            return null;

        commit.Header = activity.Id!;
        return activity.SetTag("cdc.lsn", Lsn.Format(commit.Lsn)).SetTag("cdc.rows", commit.Rows)
            .SetTag("cdc.tables", commit.Tables.ToArray()).SetTag("cdc.operations", commit.Operations.ToArray());
    }

    /// <summary>Once over the changes, and only where some are traced.</summary>
    private static void CountChanges(ChangeBatch batch)
    {
        if (batch.Traces.Count == 0)
            return;

        TracedCommit? commit = null;
        ulong? lsn = null;
        foreach (ref readonly var change in batch.Changes)
        {
            if (change.Lsn != lsn)
                commit = batch.TraceOf((lsn = change.Lsn).Value);
            commit?.Count(change);
        }
    }
}
