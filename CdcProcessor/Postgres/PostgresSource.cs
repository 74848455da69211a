using System.Globalization;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.Postgres.Watch;
using AspireCdc.Star.Model;
using AspireCdc.Star.Postgres;
using Npgsql;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>PostgreSQL by logical replication: a copy of what was there, and the stream from the copy's point on.</summary>
internal sealed partial class PostgresSource : IChangeSource
{
    private const string ObjectInUse = "55006", TooFewSlots = "53400", TooManyConnections = "53300";
    private static readonly TimeSpan RetryCopiesAfter = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan PatienceWithSlot = TimeSpan.FromSeconds(3);

    private readonly SourceServer _server;
    private readonly StarModel _model;
    private readonly CdcOptions _options;
    private readonly bool _copiesInOrder;
    private readonly CopyProgress _copyProgress;
    private readonly ProcessorStatus _status;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly PostgresCatalog _catalog;
    private readonly ToastReader _toast;
    private readonly TableForms _forms;
    private readonly TableLedger _ledger;
    private readonly ChangeGuard _guard;
    private readonly Channel<bool> _looks = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly RepairReader _repairs;
    private readonly HashSet<string> _warned = [];
    private readonly Dictionary<string, string> _refused = [];
    private readonly Channel<ChangeBatch> _copies = Channel.CreateBounded<ChangeBatch>(1);
    private readonly Channel<IReadOnlyList<TableMapping>> _copyRequests = Channel.CreateUnbounded<IReadOnlyList<TableMapping>>();
    private WireConnection? _connection;
    private WalReader? _reader;
    private SourceIdentity? _identity;
    private ulong _endOfWal;
    private bool _isNew;
    private ulong _resumeAt;
    private IReadOnlyList<TableMapping> _unfinished = [];
    private IReadOnlyList<TableCopy> _toRecord = [];

    public PostgresSource(
        SourceServer server, NpgsqlDataSource database, StarModel model, CdcOptions options, bool copiesInOrder, CopyProgress copyProgress,
        ProcessorStatus status, TimeProvider time, ILogger<PostgresSource> logger)
    {
        _server = server;
        _model = model;
        _options = options;
        _copiesInOrder = copiesInOrder;
        _copyProgress = copyProgress;
        _status = status;
        _time = time;
        _logger = logger;
        _catalog = new PostgresCatalog(database, model, options);
        _forms = new TableForms(_catalog, model, options);
        _ledger = new TableLedger(model);
        _toast = new ToastReader(_catalog, _ledger, options.BatchBytes, time);
        _guard = new ChangeGuard(_catalog, _forms, _ledger, options, () => _looks.Writer.TryWrite(true));
        _repairs = new RepairReader(_catalog, time);
    }

    public async Task<SourceIdentity> OpenAsync(CancellationToken cancellationToken)
    {
        foreach (var warning in await _catalog.CheckAsync(cancellationToken))
            Warn(warning);

        _connection = await _server.OpenAsync("aspirecdc " + _options.Slot, replication: true, cancellationToken);
        await LeadAsync(_connection, cancellationToken);

        var system = (await _connection.QueryAsync("IDENTIFY_SYSTEM", cancellationToken))[0];
        _endOfWal = Lsn.Parse(system[2]!);
        // Until a position is known here, the slot tells since when changes wait.
        var kept = await ConfirmedAsync(cancellationToken) ?? _endOfWal;
        _status.LagReader = () => new SourceLag(
            LagWatch.Behind(_endOfWal, _status.Applied.Select(position => position.Position).DefaultIfEmpty(kept).Max()), 0);
        _identity = new SourceIdentity(
            "postgresql", $"{system[0]}/{system[3]}", int.Parse(system[1]!, CultureInfo.InvariantCulture), Ordered: true);
        return _identity;
    }

    public async Task ResumeAsync(Progress progress, CancellationToken cancellationToken)
    {
        var slot = await _catalog.SlotAsync(cancellationToken);
        // Copies may be asked for before there is a slot: every table is still to be copied, so nothing has been lost.
        var isFresh = progress.Positions.Count == 0 && progress.Copies.All(copy => copy.State is CopyState.Requested or CopyState.Withheld);
        var applied = progress.Positions.Select(position => position.Position).DefaultIfEmpty().Max();
        if (slot is { IsLost: true })
            throw new ResyncRequiredException(
                $"PostgreSQL has invalidated replication slot '{_options.Slot}': WAL that it needs is gone. Run " +
                "'CdcProcessor resync --all' to copy the tables anew.");
        if (slot is null && !isFresh)
            throw new ResyncRequiredException(
                $"Replication slot '{_options.Slot}' is gone, and with it the changes since {Lsn.Format(applied)}. Run 'CdcProcessor " +
                "resync --all' to copy the tables anew.");
        var landed = Math.Max(applied, progress.Landed);
        if (landed > _endOfWal)
            throw new ResyncRequiredException(
                $"ClickHouse has changes up to {Lsn.Format(landed)}, and this server's WAL ends at {Lsn.Format(_endOfWal)}: later " +
                "changes would lose. Run 'CdcProcessor resync --all'.");
        if (slot is not null && !isFresh && slot.Confirmed > applied && applied > 0)
            throw new ResyncRequiredException(
                $"Replication slot '{_options.Slot}' stands at {Lsn.Format(slot.Confirmed)}, beyond {Lsn.Format(applied)}, which is all " +
                "that ClickHouse has: changes in between are lost. Run 'CdcProcessor resync --all'.");
        await CheckTimelineAsync(progress.Source, landed, cancellationToken);

        _isNew = slot is null;
        _resumeAt = slot?.Confirmed ?? 0;
        _unfinished = [.. _model.Tables.Where(table => !progress.IsCopied(table))];
        _toRecord = _ledger.Open(progress, await _forms.NowAsync(cancellationToken));
    }

    public async Task<bool> RestartAsync(Progress progress, CancellationToken cancellationToken)
    {
        if (await _catalog.SlotAsync(cancellationToken) is not null)
            await _connection!.QueryAsync($"DROP_REPLICATION_SLOT \"{_options.Slot}\"", cancellationToken);
        _status.LagReader = null;
        return progress.Source is { } known && known == _identity && progress.Positions.Select(position => position.Position)
            .Append(progress.Landed).Max() <= _endOfWal;
    }

    public async IAsyncEnumerable<ChangeBatch> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var exchange = new BatchExchange<StreamBatch>(_time);
        var working = RunAsync(exchange, stop.Token);
        _ = working.ContinueWith(ended => exchange.Fail(
            ended.Exception?.InnerException ?? new EndOfStreamException("The replication stream has ended.")), TaskScheduler.Default);
        try
        {
            if (_toRecord.Count > 0)
            {
                var adopted = new ChangeBatch();
                foreach (var copy in _toRecord)
                    adopted.Record(copy);
                yield return adopted;
            }
            var fromStream = exchange.TakeAsync();
            var fromCopies = _copies.Reader.ReadAsync(stop.Token).AsTask();
            while (true)
            {
                await Task.WhenAny(fromStream, fromCopies).WaitAsync(cancellationToken);
                if (fromStream.IsCompleted)
                {
                    var batch = await fromStream;
                    var refusal = await _guard.PassAsync(batch, cancellationToken);
                    await _repairs.FillAsync(batch, cancellationToken);
                    await _toast.FillAsync(batch, cancellationToken);
                    yield return batch.Changes;
                    if (refusal is not null)
                        throw refusal;
                    fromStream = exchange.TakeAsync();
                }
                if (fromCopies.IsCompleted)
                {
                    yield return await fromCopies;
                    fromCopies = _copies.Reader.ReadAsync(stop.Token).AsTask();
                }
            }
        }
        finally
        {
            await stop.CancelAsync();
            await working.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public Task AcknowledgeAsync(IReadOnlyCollection<SourcePosition> positions, CancellationToken cancellationToken) =>
        _reader is { } reader && positions.Count > 0
            ? reader.AcknowledgeAsync(positions.Max(position => position.Position), cancellationToken)
            : Task.CompletedTask;

    /// <summary>Copies a table anew beside the stream.</summary>
    public void RequestCopy(IReadOnlyList<string> tables)
    {
        TableMapping[] asked = [.. tables.Select(_model.Table)];
        foreach (var table in asked)
            _ledger.ForgetBegun(table);
        Queue(asked);
    }

    public async Task<ChangeBatch?> MarkAsync(IReadOnlyCollection<LandedRow> rows, CancellationToken cancellationToken)
    {
        await _catalog.EmitAsync(rows.Select(row => new Marker(row.Table.Source, row.Version, row.Key)), cancellationToken);
        return null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_connection is not null)
            await _connection.DisposeAsync();
    }

    /// <summary>How far the slot is confirmed; null where there is none that can be used, which is said when it is needed.</summary>
    private async Task<ulong?> ConfirmedAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _catalog.SlotAsync(cancellationToken) is { IsLost: false } slot ? slot.Confirmed : null;
        }
        catch (NotReadyException)
        {
            return null;
        }
    }

    private void Queue(IReadOnlyList<TableMapping> tables)
    {
        if (tables.Where(_ledger.TryQueue).ToList() is { Count: > 0 } queued)
            _copyRequests.Writer.TryWrite(queued);
    }

    private async Task RunAsync(BatchExchange<StreamBatch> exchange, CancellationToken cancellationToken)
    {
        var connection = _connection!;
        var copying = Task.CompletedTask;
        var copier = new TableCopier(_server, _catalog, _forms, _ledger, _options, _copiesInOrder, _copyProgress);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (_isNew)
        {
            // A failover slot costs nothing without a standby; with one that synchronises slots it is there when that is promoted.
            var exports = await _catalog.MajorVersionAsync(stop.Token) >= 17 ? "(SNAPSHOT 'export', FAILOVER)" : "EXPORT_SNAPSHOT";
            var snapshot = await WaitForSlotAsync(
                Snapshot.OfSlotAsync(connection, _options.Slot, "LOGICAL pgoutput " + exports, stop.Token), stop.Token);
            LogSlotCreated(_options.Slot, Lsn.Format(snapshot.Point));
            _resumeAt = snapshot.Point;
            var imported = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            copying = CopyAsync(copier, _unfinished, snapshot, imported, stop.Token);
            // The exporter does nothing else until all readers have the snapshot.
            await await Task.WhenAny(imported.Task, copying);
            if (_copiesInOrder)
                await copying;
        }
        else if (_unfinished.Count > 0 && _copiesInOrder)
        {
            await RecopyAsync(copier, _unfinished, stop.Token);
        }
        else if (_unfinished.Count > 0)
        {
            Queue(_unfinished);
        }

        var decoder = new PgOutputDecoder(_model, Marker.Prefix(_options.Slot), table =>
            Warn($"table {table} is published and not in the mapping: its changes are ignored"), OnRelation, _ledger.ByIdentity,
            prefix => Warn($"somebody else writes messages with the prefix {prefix} (pg_logical_emit_message): they are ignored"));
        _guard.Begin(_resumeAt);
        _reader = new WalReader(connection, decoder, exchange, _options, _time, () => _toast.ReadAtOnce,
            bytes => LogLarge(bytes / 1_000_000));
        await StartReplicationAsync(connection, stop.Token);
        var lag = new LagWatch(_catalog, _reader, _status, _resumeAt, _time);
        _status.LagReader = lag.Now;
        _status.Enter(Phase.Streaming);
        LogStreaming(_options.Slot, Lsn.Format(_resumeAt));

        var streaming = _reader.RunAsync(stop.Token);
        var resyncing = ResyncOnRequestAsync(copier, copying, stop.Token);
        var watching = lag.RunAsync(stop.Token);
        var looking = new CatalogWatch(_catalog, _forms, _ledger, _guard, _model, _options, _status.Doubts, _copies.Writer, _looks.Reader,
            _time).RunAsync(stop.Token);
        var first = await Task.WhenAny(streaming, resyncing, watching, looking);
        await stop.CancelAsync();
        await Task.WhenAll(streaming, resyncing, watching, looking).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _status.CannotSpool |= streaming.Exception?.InnerException is SpoolException;
        await first;
    }

    private async Task ResyncOnRequestAsync(TableCopier copier, Task initial, CancellationToken cancellationToken)
    {
        await initial;
        await foreach (var tables in _copyRequests.Reader.ReadAllAsync(cancellationToken))
        {
            _ledger.Dequeue(tables);
            await RecopyAsync(copier, tables, cancellationToken);
        }
    }

    private async Task RecopyAsync(TableCopier copier, IReadOnlyList<TableMapping> tables, CancellationToken cancellationToken)
    {
        // A temporary slot exports a snapshot whose point divides the stream exactly as that of the first
        // copy did. Exporter and slot go together.
        try
        {
            await using var exporter = await _server.OpenAsync("aspirecdc resync", replication: true, cancellationToken);
            var snapshot = await WaitForSlotAsync(
                Snapshot.OfTemporarySlotAsync(exporter, _options.Slot, cancellationToken), cancellationToken);
            LogResync(string.Join(", ", tables.Select(table => table.Source)), Lsn.Format(snapshot.Point));
            await CopyAsync(copier, tables, snapshot, new TaskCompletionSource(), cancellationToken);
        }
        catch (WireException e) when (!_copiesInOrder && e.SqlState is TooFewSlots or TooManyConnections)
        {
            // The stream is no worse for it, and goes on.
            Refuse(tables, tables.ToDictionary(table => table, _ => e.Message.TrimEnd('.')), cancellationToken);
        }
    }

    private async Task CopyAsync(TableCopier copier, IReadOnlyList<TableMapping> tables, Snapshot snapshot, TaskCompletionSource imported,
        CancellationToken cancellationToken)
    {
        _ledger.Begin(tables);
        // A table's rows have landed; the stream derives them when it comes by its marker.
        var (rewritten, refused) = await copier.CopyAsync(
            tables, snapshot, imported, (table, point) =>
                _catalog.EmitAsync([new Marker(table.Source, Lsn.CopyVersion(point), null)], cancellationToken), _copies.Writer,
                cancellationToken);
        Refuse(tables, refused, cancellationToken);
        if (rewritten.Count == 0)
            return;
        LogRewritten(string.Join(", ", rewritten.Select(table => table.Source)));
        await RecopyAsync(copier, rewritten, cancellationToken);
    }

    /// <summary>
    /// Says which tables cannot be copied, and tries these again later; where a copy stands in the stream's order nothing goes on without
    /// them.
    /// </summary>
    private void Refuse(
        IReadOnlyList<TableMapping> tables, IReadOnlyDictionary<TableMapping, string> refused, CancellationToken cancellationToken)
    {
        foreach (var table in tables)
        {
            _refused.Remove(table.Source);
            if (refused.TryGetValue(table, out var reason))
                _refused[table.Source] = reason;
        }
        _status.Doubts.Tell("copy", [.. _refused.Select(table =>
            (table.Key, $"could not be copied ({table.Value})",
                "mend that; the copy is tried again every minute, and the other tables go on."))]);
        if (refused.Count > 0 && _copiesInOrder)
            throw new NotReadyException(
                $"{string.Join("; ", refused.Select(table => $"{table.Key.Source} cannot be copied: {table.Value}"))}.");
        if (refused.Count > 0)
            _ = RetryAsync([.. refused.Keys.Select(table => table.Source)]);

        async Task RetryAsync(IReadOnlyList<string> names)
        {
            await Task.Delay(RetryCopiesAfter, _time, cancellationToken);
            RequestCopy(names);
        }
    }

    /// <summary>One processor leads; the others stand by, warm, and take over when its connection ends.</summary>
    private async Task LeadAsync(WireConnection connection, CancellationToken cancellationToken)
    {
        var standsBy = false;
        while ((await connection.QueryAsync(
            $"SELECT pg_try_advisory_lock(hashtextextended('aspirecdc:{_options.Slot}', 0))", cancellationToken))[0][0] != "t")
        {
            if (!standsBy)
            {
                _status.Enter(Phase.StandingBy, $"Another processor reads slot '{_options.Slot}'; this one stands by.");
                LogStandingBy(_options.Slot);
                standsBy = true;
            }
            // A blocking lock would hold a snapshot, and with it back the server's vacuum, for as long as this stands by.
            await Task.Delay(TimeSpan.FromSeconds(1), _time, cancellationToken);
        }
    }

    private async Task StartReplicationAsync(WireConnection connection, CancellationToken cancellationToken)
    {
        var publications = string.Join(",", Publications.Of(_model, _options.Publication)
            .Select(known => PostgresSql.Name(known.Name).Replace("'", "''")));
        // By protocol 2 a transaction that is too large for the server's memory comes while it is open.
        var protocol = !_status.CannotSpool && await _catalog.MajorVersionAsync(cancellationToken) >= 14
            ? "proto_version '2', streaming 'on'" : "proto_version '1'";
        while (true)
        {
            try
            {
                await connection.StartReplicationAsync(
                    $"START_REPLICATION SLOT \"{_options.Slot}\" LOGICAL {Lsn.Format(_resumeAt)} ({protocol}, publication_names " +
                    $"'{publications}', messages 'true')", cancellationToken);
                return;
            }
            catch (WireException e) when (e.SqlState == ObjectInUse)
            {
                // A predecessor's sender may outlive its lock by a moment; another program's does not matter less.
                LogSlotInUse(_options.Slot, e.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), _time, cancellationToken);
            }
        }
    }

    private async Task<Snapshot> WaitForSlotAsync(Task<Snapshot> creating, CancellationToken cancellationToken)
    {
        if (await Task.WhenAny(creating, Task.Delay(PatienceWithSlot, _time, cancellationToken)) != creating)
            LogWaitingForSlot(_options.Slot);
        return await creating;
    }

    /// <summary>A standby that was promoted while it lagged has a history without what was applied after the branch.</summary>
    private async Task CheckTimelineAsync(SourceIdentity? known, ulong landed, CancellationToken cancellationToken)
    {
        if (known is null || known.Timeline == _identity!.Timeline)
            return;

        var history = (await _connection!.QueryAsync($"TIMELINE_HISTORY {_identity.Timeline}", cancellationToken))[0][1]!;
        // Lines of "timeline <tab> LSN where it ended <tab> reason".
        var branch = history.Split('\n').Select(line => line.Split('\t', StringSplitOptions.TrimEntries))
            .Where(fields => fields.Length >= 2 && fields[0] == known.Timeline.ToString(CultureInfo.InvariantCulture))
            .Select(fields => Lsn.Parse(fields[1])).Cast<ulong?>().FirstOrDefault();
        if (branch is null || landed > branch)
        {
            throw new ResyncRequiredException(
                $"PostgreSQL is on timeline {_identity.Timeline} now, which left timeline {known.Timeline} " +
                $"{(branch is { } at ? "at " + Lsn.Format(at) : "never")}, and ClickHouse has changes up to {Lsn.Format(landed)}: a " +
                "standby was promoted that lacked some of them. Run 'CdcProcessor resync --all'.");
        }
    }

    private void OnRelation(Relation relation)
    {
        var table = relation.Table;
        foreach (var column in relation.Columns.Where(column => !table.Columns.Any(mapped => mapped.Source == column.Name)))
            Warn($"{table.Source}.{column.Name} is not in the mapping and is ignored");
    }

    private void Warn(string what)
    {
        if (!_warned.Add(what))
            return;
        _status.MappingMismatches = _warned.Count;
        LogMismatch(what);
    }

    [LoggerMessage(EventId = 10, Level = LogLevel.Information, Message = "Streaming from slot {Slot} at {Position}")]
    private partial void LogStreaming(string slot, string position);

    [LoggerMessage(EventId = 11, Level = LogLevel.Information, Message = "Made replication slot {Slot}; its snapshot stands at {Point}")]
    private partial void LogSlotCreated(string slot, string point);

    [LoggerMessage(EventId = 12, Level = LogLevel.Information, Message = "Another processor reads slot {Slot}: standing by")]
    private partial void LogStandingBy(string slot);

    [LoggerMessage(EventId = 13, Level = LogLevel.Warning, Message = "Slot {Slot} is in use, waiting for it: {Reason}")]
    private partial void LogSlotInUse(string slot, string reason);

    [LoggerMessage(EventId = 14, Level = LogLevel.Information, Message = "Copying {Tables} anew at {Point}, beside the stream")]
    private partial void LogResync(string tables, string point);

    [LoggerMessage(EventId = 17, Level = LogLevel.Warning,
        Message = "{Tables} was rewritten or replaced while it was copied: it is copied from the beginning")]
    private partial void LogRewritten(string tables);

    [LoggerMessage(
        EventId = 16, Level = LogLevel.Warning,
        Message =
            "PostgreSQL makes slot {Slot} only once every transaction that was writing has ended, in any database: " +
            "waiting for the oldest (see pg_stat_activity)")]
    private partial void LogWaitingForSlot(string slot);

    [LoggerMessage(EventId = 18, Level = LogLevel.Information,
        Message = "A change of more than {Megabytes} MB is on its way; what follows waits for it")]
    private partial void LogLarge(int megabytes);

    [LoggerMessage(EventId = 15, Level = LogLevel.Warning, Message = "The mapping and the database differ: {What}")]
    private partial void LogMismatch(string what);
}
