using System.Diagnostics;
using AspireCdc.Benchmarks.Machine;

namespace AspireCdc.Benchmarks.Cdc;

/// <summary>One contender's turn: a drain, or a row of single commits.</summary>
internal static class CdcRun
{
    /// <summary>The first commits find caches and compiled code missing; they are not counted.</summary>
    private const int WarmUpCommits = 20;

    private const int LargeRows = 5;

    /// <summary>No id of the workload comes near it.</summary>
    private const long FirstOrder = 1_000_000_000;

    private static readonly TimeSpan DrainDeadline = TimeSpan.FromMinutes(15), CommitDeadline = TimeSpan.FromSeconds(30),
        VerifyDeadline = TimeSpan.FromSeconds(30);

    public static async Task<DrainFigures> DrainAsync(
        StoreDatabase database, IContender contender, Workload workload, int round, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(DrainDeadline);
        var start = Stopwatch.GetTimestamp();
        await using var watch = new SlotWatch(database, contender);
        try
        {
            await contender.StartAsync(workload, deadline.Token);
            var started = Stopwatch.GetTimestamp();
            await contender.LastChangeAsync(workload, deadline.Token);
            var end = Stopwatch.GetTimestamp();
            var processes = watch.Processes; // the questions to come are not the contender's work
            var failure = await contender.VerifyAsync(workload, deadline.Token);
            // Where several tables or partitions arrive side by side, the last change is not the end of it.
            while (failure is not null && Stopwatch.GetElapsedTime(end) < VerifyDeadline)
            {
                await Task.Delay(Poll.Drain, deadline.Token);
                var asked = Stopwatch.GetTimestamp();
                var used = watch.Processes;
                failure = await contender.VerifyAsync(workload, deadline.Token);
                if (failure is null)
                    (end, processes) = (asked, used);
            }
            var seconds = Stopwatch.GetElapsedTime(watch.StreamingSince ?? started, end).TotalSeconds;
            return new(round, seconds, Stopwatch.GetElapsedTime(start, end).TotalSeconds, workload.Changes / seconds,
                watch.Sender.TotalSeconds, processes, failure);
        }
        catch (Exception e) when (e is BenchmarkException or InvalidOperationException or HttpRequestException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            var why = e is OperationCanceledException
                ? $"the last change did not arrive within {DrainDeadline.TotalMinutes:0} min"
                : e.Message;
            return new(round, 0, 0, 0, 0, new Dictionary<string, ProcessFigures>(), why);
        }
        finally
        {
            await contender.StopAsync();
        }
    }

    /// <summary>Times commits of one small order each.</summary>
    public static Task<LatencyFigures> CommitAsync(
        StoreDatabase database, IContender contender, int commits, long series, Action<int> progress,
        CancellationToken cancellationToken) =>
        CommitAsync(database, contender, commits, status: "'pending'", series, progress, cancellationToken);

    /// <summary>Times commits of one large order each.</summary>
    public static Task<LatencyFigures> LargeRowAsync(
        StoreDatabase database, IContender contender, int megabytes, long series, CancellationToken cancellationToken) =>
        CommitAsync(database, contender, LargeRows, $"repeat('x', {megabytes * 1_000_000})", series, _ => { }, cancellationToken);

    private static async Task<LatencyFigures> CommitAsync(
        StoreDatabase database, IContender contender, int commits, string status, long series, Action<int> progress,
        CancellationToken cancellationToken)
    {
        var milliseconds = new List<double>(commits);
        var random = new Random(1);
        await using var watch = new SlotWatch(database, contender);
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        await using var insert = connection.CreateCommand();
        const string Columns = "(id, customer_id, total, status) OVERRIDING SYSTEM VALUE";
        insert.Parameters.Add(new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Bigint });
        insert.Parameters.Add(new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Bigint });
        string? failure = null;
        IReadOnlyDictionary<string, ProcessFigures> processes = new Dictionary<string, ProcessFigures>();
        try
        {
            await contender.StartAsync(null, cancellationToken);
            for (var n = -WarmUpCommits; n < commits; n++)
            {
                insert.CommandText = $"""INSERT INTO "order" {Columns} VALUES ($1, $2, 42.42, {(n < 0 ? "'pending'" : status)})""";
                await Task.Delay(random.Next(50, 450), cancellationToken);
                var id = FirstOrder + (series * 1_000_000) + WarmUpCommits + n;
                insert.Parameters[0].Value = id;
                insert.Parameters[1].Value = 1 + (id % Workload.Customers);
                await insert.ExecuteNonQueryAsync(cancellationToken);
                var committed = Stopwatch.GetTimestamp();
                using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                // The first one also waits for the contender's start and for what was committed meanwhile.
                deadline.CancelAfter(n == -WarmUpCommits ? 4 * CommitDeadline : CommitDeadline);
                await contender.OrderAsync(id, deadline.Token);
                if (n >= 0)
                    milliseconds.Add(Stopwatch.GetElapsedTime(committed).TotalMilliseconds);
                progress(Math.Max(0, n + 1));
            }
            processes = watch.Processes;
        }
        catch (Exception e) when (e is BenchmarkException or InvalidOperationException or HttpRequestException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            failure = e is OperationCanceledException ? $"a commit did not arrive within {CommitDeadline.TotalSeconds:0} s" : e.Message;
        }
        finally
        {
            await contender.StopAsync();
        }
        double At(double share) => milliseconds.Count > 0 ? Statistics.Percentile(milliseconds, share) : 0;
        return new(milliseconds.Count, At(0.5), At(0.9), At(0.99), At(1), processes, failure);
    }
}
