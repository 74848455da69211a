using System.Collections.Concurrent;
using System.Globalization;
using System.Threading.Channels;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.Postgres.Watch;
using AspireCdc.Star.Model;
using AspireCdc.Star.Postgres;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>Copies tables at the point of one snapshot, by ranges of their pages, over several connections.</summary>
internal sealed class TableCopier(
    SourceServer server, PostgresCatalog catalog, TableForms forms, TableLedger ledger, CdcOptions options, bool inOrder,
    CopyProgress progress)
{
    /// <summary>64 MB of a table.</summary>
    private const long PagesPerRange = 8192;

    /// <summary>More than a page holds: 1,169 of the smallest rows in the largest pages, of 32 KB.</summary>
    private const ulong RowsPerPage = 2048;

    private readonly RowPace _pace = new(options.CopyRowsPerSecond, TimeProvider.System);

    /// <summary>
    /// Copies the tables, and returns when the sink has all of it, the end marks included. <paramref name="whenImported"/> is completed as
    /// soon as the snapshot is not needed any more.
    /// </summary>
    /// <param name="tables">The tables.</param>
    /// <param name="snapshot">As of when.</param>
    /// <param name="whenImported">See above.</param>
    /// <param name="whenCopied">
    /// Called for each table as soon as the sink has all of it, its end mark included, with the copy's point.
    /// </param>
    /// <param name="output">Where the rows go.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>
    /// Tables that have to be begun anew, with another snapshot: they were rewritten or replaced meanwhile. And those that PostgreSQL
    /// refused to read, with its reason: they hold up no other.
    /// </returns>
    public async Task<(IReadOnlyList<TableMapping> Rewritten, IReadOnlyDictionary<TableMapping, string> Refused)> CopyAsync(
        IReadOnlyList<TableMapping> tables, Snapshot snapshot, TaskCompletionSource whenImported,
        Func<TableMapping, ulong, Task> whenCopied, ChannelWriter<ChangeBatch> output,
        CancellationToken cancellationToken)
    {
        var relations = new List<Relation>();
        var ranges = new ConcurrentQueue<CopyRange>();
        var rewritten = new ConcurrentDictionary<TableMapping, bool>();
        var refused = new ConcurrentDictionary<TableMapping, string>();
        var copies = new Dictionary<TableMapping, RunningCopy>();
        var described = await DescribeAsync(tables, snapshot, cancellationToken);
        foreach (var table in tables)
        {
            // What stands in the way of one table's copy concerns no other.
            if (RelationOf(table, described.GetValueOrDefault(table.Source), out var reason) is not { } relation)
            {
                refused[table] = reason;
                continue;
            }
            var begun = inOrder ? null : ledger.GoOn(table, described[table.Source]);
            var copy = copies[table] = new RunningCopy(begun?.Point ?? snapshot.Point, begun?.Ranges ?? "");
            relations.Add(copy.Of(relation));
            var (pages, rows) = await catalog.SizeAsync(table, cancellationToken);
            progress.Begin(table.Source, rows);
            var all = 0;
            for (long first = 0; first == 0 || first < pages; first += PagesPerRange, all++)
            {
                var range = new CopyRange(relation, first, first + PagesPerRange < pages ? first + PagesPerRange : null);
                if (copy.Plan(range))
                    ranges.Enqueue(range);
            }
            if (begun is not null)
                progress.GoOn(table.Source, all - copy.Left, all);
        }

        if (relations.Count == 0)
            return ([], refused);
        await WriteMarksAsync(ChangeOperation.CopyBegin, relations);
        foreach (var (table, copy) in copies)
            ledger.Cover(table, copy.Point);
        foreach (var relation in relations.Where(relation => copies[relation.Table].Left == 0))
            await EndAsync(relation);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var readers = Math.Min(options.CopyReaders, ranges.Count);
        var imported = 0;
        Task[] reading = [.. Enumerable.Range(0, readers).Select(
            _ => ReadRangesAsync(ranges, rewritten, refused, snapshot, WhenImported, WhenReadAsync, output, stop.Token))];
        foreach (var reader in reading)
            _ = reader.ContinueWith(_ => stop.Cancel(), cancellationToken,
                TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        await Task.WhenAll(reading);

        foreach (var table in tables)
            progress.Abandon(table.Source);
        return ([.. tables.Where(rewritten.ContainsKey)], refused);

        // A table is done by itself, and so is a range: what interrupts the others does not have it read again.
        async Task WhenReadAsync(CopyRange range)
        {
            var table = range.Relation.Table;
            if (rewritten.ContainsKey(table) || refused.ContainsKey(table))
                return;
            if (copies[table].End(range) == 0)
                await EndAsync(range.Relation);
            else if (!inOrder && !table.AppendOnly)
                await WriteMarksAsync(ChangeOperation.CopyRange, [copies[table].Of(range.Relation)]);
        }

        async Task EndAsync(Relation relation)
        {
            await WriteMarksAsync(ChangeOperation.CopyEnd, [relation]);
            progress.End(relation.Table.Source);
            await whenCopied(relation.Table, copies[relation.Table].Point);
        }

        void WhenImported()
        {
            if (Interlocked.Increment(ref imported) == readers)
                whenImported.TrySetResult();
        }

        async Task WriteMarksAsync(ChangeOperation operation, IEnumerable<Relation> of)
        {
            var marks = new ChangeBatch();
            foreach (var relation in of)
            {
                var version = Lsn.CopyVersion(copies[relation.Table].Point);
                marks.Add(new Change(relation, operation, version, 0, -1, 0, RowRef.None, RowRef.None, version));
            }
            await WriteAndWaitAsync(marks, output, cancellationToken);
        }
    }

    /// <summary>What the tables were as of the snapshot: whatever is otherwise later has no row in this copy.</summary>
    private async Task<IReadOnlyDictionary<string, TableForm>> DescribeAsync(
        IReadOnlyList<TableMapping> tables, Snapshot snapshot, CancellationToken cancellationToken)
    {
        await using var connection = await server.OpenAtAsync("aspirecdc copy", snapshot.Name, cancellationToken);
        return await forms.AsOfSnapshotAsync(connection, tables, cancellationToken);
    }

    private Relation? RelationOf(TableMapping table, TableForm? form, out string reason)
    {
        var missing = form is null ? [] : table.Columns.Select(column => column.Source).Where(name => form.Column(name) is null).ToList();
        reason = form is null ? "there is no such table" : $"it has no {string.Join(", ", missing)}";
        if (form is null || missing.Count > 0)
            return null;
        ledger.Describe(table, form);
        var mapped = form.Columns.Where(column => table.Columns.Any(known => known.Source == column.Name));
        return new Relation(table, [.. mapped.Select(column =>
            new RelationColumn(column.Name, column.Type, column.Modifier))])
        { Oid = form.Oid, Form = form.Write() };
    }

    private async Task ReadRangesAsync(
        ConcurrentQueue<CopyRange> ranges, ConcurrentDictionary<TableMapping, bool> rewritten,
        ConcurrentDictionary<TableMapping, string> refused, Snapshot snapshot, Action whenImported,
        Func<CopyRange, Task> whenRead, ChannelWriter<ChangeBatch> output, CancellationToken cancellationToken)
    {
        await using var connection = await server.OpenAtAsync("aspirecdc copy", snapshot.Name, cancellationToken);
        whenImported();

        var version = Lsn.CopyVersion(snapshot.Point);
        while (ranges.TryDequeue(out var range))
        {
            var table = range.Relation.Table;
            if (rewritten.ContainsKey(table) || refused.ContainsKey(table))
                continue;
            // The savepoint gives the table's lock back after its range, so that a TRUNCATE waits for one range and not for all.
            await connection.QueryAsync("SAVEPOINT range", cancellationToken);
            try
            {
                // A rewrite puts rows into other pages, and after some this snapshot sees none at all; another table may have the name.
                var form = TableForm.Read(range.Relation.Form);
                if ((await connection.QueryAsync(TableForms.FilesNow(table), cancellationToken))[0] is not [var oid, var files]
                    || oid != $"{form.Oid}" || files != form.Files)
                    rewritten[table] = true;
                var written = rewritten.ContainsKey(table) ? [] : await ReadRangeAsync(
                    connection, range, version, output, cancellationToken);
                // TRUNCATE is not MVCC-safe: what was read before it must not land after it. So the lock stays until the rows are in the
                // sink.
                await Task.WhenAll(written).WaitAsync(cancellationToken);
            }
            catch (WireException e) when (!e.EndsConnection)
            {
                // What PostgreSQL cannot read of one table (a right that was taken away, a page that is broken) concerns no other.
                refused[table] = e.Message;
            }
            await connection.QueryAsync("ROLLBACK TO SAVEPOINT range; RELEASE SAVEPOINT range", cancellationToken);
            await whenRead(range);
        }
        await connection.QueryAsync("COMMIT", cancellationToken);
    }

    private async Task<List<Task>> ReadRangeAsync(
        WireConnection connection, CopyRange range, UInt128 version, ChannelWriter<ChangeBatch> output, CancellationToken cancellationToken)
    {
        var written = new List<Task>();
        var batch = new ChangeBatch();
        ulong read = 0;
        await foreach (var line in connection.CopyOutAsync(range.Sql, cancellationToken))
        {
            var row = CopyText.AddRow(batch, range.Relation.Columns.Count, line.Span);
            var own = range.Relation.Table.AppendOnly
                ? Lsn.CopyVersion((ulong)(version >> 64), ((ulong)range.First * RowsPerPage) + read++) : version;
            batch.Add(new Change(range.Relation, ChangeOperation.Read, own, 0, -1, 0, RowRef.None, row));
            if (batch.Count >= options.BatchChanges || batch.Size >= options.BatchBytes)
            {
                var size = batch.Next;
                await HandOverAsync(batch);
                batch = new ChangeBatch(size);
            }
        }
        if (batch.Count > 0)
            await HandOverAsync(batch);
        return written;

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
            var columns = string.Join(", ", Relation.Columns.Select(column => PostgresSql.Name(column.Name)));
            var conditions = new List<string>();
            if (First > 0)
                conditions.Add(string.Create(CultureInfo.InvariantCulture, $"ctid >= '({First},0)'"));
            if (End is { } end)
                conditions.Add(string.Create(CultureInfo.InvariantCulture, $"ctid < '({end},0)'"));
            var where = conditions.Count == 0 ? "" : " WHERE " + string.Join(" AND ", conditions);
            return $"COPY (SELECT {columns} FROM {PostgresSql.Name(Relation.Table)}{where}) TO STDOUT";
        }
    }
}
