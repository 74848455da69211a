using System.Collections.Concurrent;
using System.Globalization;
using System.Threading.Channels;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.Running;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>Copies tables at the point of one snapshot, by ranges of their pages, over several connections.</summary>
internal sealed class TableCopier(SourceServer server, PostgresCatalog catalog, CdcOptions options, CopyProgress progress)
{
    /// <summary>64 MB of a table.</summary>
    private const long PagesPerRange = 8192;

    private readonly RowPace _pace = new(options.CopyRowsPerSecond, TimeProvider.System);

    /// <summary>
    /// Copies the tables, and returns when the sink has all of it, the end marks included. <paramref name="whenImported"/> is completed as soon as the snapshot is not needed any more.
    /// </summary>
    public async Task CopyAsync(IReadOnlyList<TableMapping> tables, Snapshot snapshot, TaskCompletionSource whenImported, ChannelWriter<ChangeBatch> output, CancellationToken cancellationToken)
    {
        var version = Lsn.CopyVersion(snapshot.Point);
        var relations = new List<Relation>();
        var ranges = new ConcurrentQueue<CopyRange>();
        foreach (var table in tables)
        {
            var relation = await catalog.DescribeAsync(table, cancellationToken);
            relations.Add(relation);
            var (pages, rows) = await catalog.SizeAsync(table, cancellationToken);
            progress.Begin(table.Source, rows);
            for (long first = 0; first == 0 || first < pages; first += PagesPerRange)
                ranges.Enqueue(new CopyRange(relation, first, first + PagesPerRange < pages ? first + PagesPerRange : null));
        }

        await WriteMarksAsync(ChangeOperation.CopyBegin);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var readers = Math.Min(options.CopyReaders, ranges.Count);
        var imported = 0;
        Task[] reading = [.. Enumerable.Range(0, readers).Select(_ => ReadRangesAsync(ranges, snapshot, WhenImported, output, stop.Token))];
        foreach (var reader in reading)
            _ = reader.ContinueWith(_ => stop.Cancel(), cancellationToken, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        await Task.WhenAll(reading);

        await WriteMarksAsync(ChangeOperation.CopyEnd);
        foreach (var table in tables)
            progress.End(table.Source);

        void WhenImported()
        {
            if (Interlocked.Increment(ref imported) == readers)
                whenImported.TrySetResult();
        }

        async Task WriteMarksAsync(ChangeOperation operation)
        {
            var marks = new ChangeBatch();
            foreach (var relation in relations)
                marks.Add(new Change(relation, operation, version, 0, -1, 0, RowRef.None, RowRef.None, version));
            await WriteAndWaitAsync(marks, output, cancellationToken);
        }
    }

    private async Task ReadRangesAsync(ConcurrentQueue<CopyRange> ranges, Snapshot snapshot, Action whenImported, ChannelWriter<ChangeBatch> output, CancellationToken cancellationToken)
    {
        await using var connection = await server.OpenAsync("aspirecdc copy", replication: false, cancellationToken);
        await connection.QueryAsync($"BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '{snapshot.Name}'", cancellationToken);
        whenImported();

        var version = Lsn.CopyVersion(snapshot.Point);
        while (ranges.TryDequeue(out var range))
        {
            // The savepoint gives the table's lock back after its range, so that a TRUNCATE waits for one range and not for all.
            await connection.QueryAsync("SAVEPOINT range", cancellationToken);
            var written = await ReadRangeAsync(connection, range, version, output, cancellationToken);
            // TRUNCATE is not MVCC-safe: what was read before it must not land after it. So the lock stays until the rows are in the sink.
            await Task.WhenAll(written).WaitAsync(cancellationToken);
            await connection.QueryAsync("ROLLBACK TO SAVEPOINT range; RELEASE SAVEPOINT range", cancellationToken);
        }
        await connection.QueryAsync("COMMIT", cancellationToken);
    }

    private async Task<List<Task>> ReadRangeAsync(WireConnection connection, CopyRange range, UInt128 version, ChannelWriter<ChangeBatch> output, CancellationToken cancellationToken)
    {
        var written = new List<Task>();
        var batch = new ChangeBatch();
        await connection.CopyOutAsync(range.Sql, cancellationToken);
        while (true)
        {
            while (connection.TryRead(out var type, out var body))
            {
                if (type == 'E')
                    throw WireConnection.Error(body.Span);
                if (type == 'Z')
                {
                    if (batch.Count > 0)
                        await HandOverAsync(batch);
                    return written;
                }
                if (type != 'd')
                    continue;

                var row = CopyText.AddRow(batch, range.Relation.Columns.Count, body.Span);
                batch.Add(new Change(range.Relation, ChangeOperation.Read, version, 0, -1, 0, RowRef.None, row));
                if (batch.Count >= options.BatchChanges || batch.Size >= options.BatchBytes)
                {
                    var size = batch.Used;
                    await HandOverAsync(batch);
                    batch = new ChangeBatch(size);
                }
            }
            await connection.ReceiveAsync(cancellationToken);
        }

        async Task HandOverAsync(ChangeBatch full)
        {
            var rows = full.Count;
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            full.WhenWritten(() =>
            {
                progress.Add(range.Relation.Table.Source, rows);
                done.SetResult();
            });
            written.Add(done.Task);
            await output.WriteAsync(full, cancellationToken);
            await _pace.RestAsync(rows, cancellationToken);
        }
    }

    private static async Task WriteAndWaitAsync(ChangeBatch batch, ChannelWriter<ChangeBatch> output, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        batch.WhenWritten(done.SetResult);
        await output.WriteAsync(batch, cancellationToken);
        await done.Task.WaitAsync(cancellationToken);
    }
}

/// <summary>Pages of a table; to its end where <paramref name="End"/> is null.</summary>
internal sealed record CopyRange(Relation Relation, long First, long? End)
{
    public string Sql
    {
        get
        {
            var columns = string.Join(", ", Relation.Columns.Select(column => PostgresCatalog.Quote(column.Name)));
            var conditions = new List<string>();
            if (First > 0)
                conditions.Add(string.Create(CultureInfo.InvariantCulture, $"ctid >= '({First},0)'"));
            if (End is { } end)
                conditions.Add(string.Create(CultureInfo.InvariantCulture, $"ctid < '({end},0)'"));
            var where = conditions.Count == 0 ? "" : " WHERE " + string.Join(" AND ", conditions);
            return $"COPY (SELECT {columns} FROM {PostgresCatalog.QualifiedName(Relation.Table)}{where}) TO STDOUT";
        }
    }
}
