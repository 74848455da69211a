using System.Globalization;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// Lands each batch, reads back and derives, in this order: whatever was written late, twice or by a dead predecessor, the newest landing
/// rows decide, and each star row is derived from them anew. A small batch that tells its newest rows by itself is followed instead
/// (<see cref="FollowedFact"/>).
/// </summary>
internal sealed class ClickHouseSink : IChangeSink
{
    /// <summary>This watch's name where doubts are told.</summary>
    private const string Watch = "clickhouse";

    /// <summary>So many bytes of dead letters are applied again at once, which is as much as a batch of the stream has.</summary>
    private const long RetriedBytes = 24 * 1024 * 1024;

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    /// <summary>How large the tables are is not as urgent: each 20 s, and soon after the start, when empty ones fill.</summary>
    private const int LooksBetweenMeasures = 4;

    /// <summary>How often dead letters are held against what has landed since.</summary>
    private static readonly TimeSpan LookAtLettersEvery = TimeSpan.FromSeconds(5);

    private readonly ClickHouseClient _client;
    private readonly TimeProvider _time;
    private readonly StarModel _model;
    private readonly ProgressTable _progress;
    private readonly DeadLetterTable _deadLetters;
    private readonly AbsentColumns _absent;
    private readonly ChangeMessageReader _messages;
    private readonly LandingRows _landing = new();
    private readonly Dictionary<string, LandingTable> _tables;
    private readonly Facts _facts;
    private readonly CompanionViews _companions;
    private readonly LandedTables _landed;
    private readonly UInt128 _largestVersion;
    private readonly ProcessorStatus _status;
    private bool _ordered;
    private ulong _end;
    private long _lettersSeen;

    public ClickHouseSink(ClickHouseClient client, StarModel model, CdcOptions options, ProcessorStatus status, FactProgress factProgress,
        TimeProvider time, ILogger<ClickHouseSink> logger)
    {
        _status = status;
        _time = time;
        _client = client;
        _model = model;
        _progress = new ProgressTable(client, time);
        _companions = new CompanionViews(client, model, _progress);
        _landed = new LandedTables(client, model, _progress, options, status, logger);
        _deadLetters = new DeadLetterTable(client, time);
        _absent = new AbsentColumns(client);
        _messages = new ChangeMessageReader(model);
        _tables = model.Tables.ToDictionary(table => table.Source, table => new LandingTable(table));
        _facts = new Facts(client, model, _progress, factProgress, logger);
        _largestVersion = model.Facts.Select(PartVersions.LargestOf).DefaultIfEmpty(UInt128.MaxValue).Min();
    }

    public bool CopiesInOrder => false;

    public bool HasWork => _facts.HasWork;

    public async Task<Progress> OpenAsync(CancellationToken cancellationToken)
    {
        await SchemaCheck.RunAsync(_client, _model, cancellationToken);
        var progress = await _progress.LoadAsync(cancellationToken);
        // Only PostgreSQL's LSNs are held against its WAL, and a pause looks in every second.
        if (progress.IsPaused || progress.Source is not { Ordered: true })
            return progress;

        var landed = await _client.ScalarAsync(
            $"SELECT max(lsn) FROM ({string.Join(" UNION ALL ", _tables.Values.Select(table => table.LastLsn))})", cancellationToken);
        return progress with
        {
            Landed = Math.Max(
            ulong.Parse(landed!, CultureInfo.InvariantCulture), progress.Copies.Select(copy => copy.Point).DefaultIfEmpty().Max())
        };
    }

    public async Task BeginAsync(SourceIdentity source, CancellationToken cancellationToken)
    {
        _ordered = source.Ordered;
        _landing.Topic = source.Topic;
        _landing.Range = await _client.ScalarAsync(DateRange.Question, cancellationToken) == DateRange.Answer
            ? DateRange.Widest
            : DateRange.Narrowest;
        await _progress.SaveAsync(source, cancellationToken);
        await CountDeadLettersAsync(cancellationToken);
        _facts.Begin(_ordered);
        // Before all else: a table that takes another's place from now on is noticed by the next look.
        var tables = await TableIdentities.ReadAsync(_client, cancellationToken);
        await _companions.FillAsync(tables, (await _progress.LoadAsync(cancellationToken)).Companions, cancellationToken);
        var progress = await _progress.LoadAsync(cancellationToken);
        await _landed.BeginAsync(tables, progress, _ordered, cancellationToken);
        _end = progress.Positions.Select(position => position.Position).DefaultIfEmpty().Max();
        await _facts.OpenAsync(tables, progress, cancellationToken);
        _facts.SetCopied(progress.IsCopied);
    }

    /// <summary>
    /// Looks at its tables every five seconds: they are the same, of the model's columns and types, and so are the views.
    /// </summary>
    public async Task WatchAsync(CancellationToken cancellationToken)
    {
        var looks = 0;
        using var timer = new PeriodicTimer(LookEvery, _time);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            try
            {
                await SchemaCheck.RunAsync(_client, _model, cancellationToken);
                var facts = _facts.Known;
                var tables = await TableIdentities.ReadAsync(_client, cancellationToken);
                _companions.Check(tables);
                await _landed.CheckAsync(tables, cancellationToken);
                _facts.Check(facts, tables);
                if (looks++ % LooksBetweenMeasures == 0)
                    await _facts.MeasureAsync(cancellationToken);
                _status.Doubts.Tell(Watch, []);
            }
            catch (Exception e) when (e is HttpRequestException or ClickHouseException)
            {
                // A write would tell by itself that the server is gone, and on a quiet day there is none.
                _status.Doubts.Tell(
                    Watch,
                    [("every table", $"could not be looked at in ClickHouse ({e.Message})", "it is looked at again every five seconds.")]);
            }
        }
    }

    public async Task WriteAsync(ChangeBatch batch, CancellationToken cancellationToken)
    {
        if (!_ordered)
        {
            RefuseTooLarge(batch);
            await _absent.FillAsync(batch, cancellationToken);
        }
        _landing.Fill(batch, deriveCopies: !_ordered);
        var settled = false;
        if (_ordered && _landing.MayBeFollowed)
        {
            await _facts.FollowAsync(_landing, () => LandAsync(cancellationToken), LastPosition(batch), cancellationToken);
        }
        else
        {
            _facts.Forget();
            await LandAsync(cancellationToken);
            if (_ordered && _landing.Versions is { } versions)
                await _facts.DeriveAsync(_landing.Keys, versions, LastPosition(batch), cancellationToken);
            else
                settled = await DeriveAsync(batch, cancellationToken);
        }
        if (settled || _landing.DeadLetters.Count > 0)
            await CountDeadLettersAsync(cancellationToken);
        _landing.Clear();
        if (_ordered && batch.Ends is [.., var end])
            _end = end.Position;
    }

    /// <summary>Beside the stream, and yet in its order: above every commit that ends at this position, and below
    /// every one that begins there.</summary>
    public Task WorkAsync(CancellationToken cancellationToken) =>
        _facts.WorkAsync(_ordered ? Lsn.Version(_end, 0) : null, cancellationToken);

    public async Task MakeDurableAsync(IReadOnlyCollection<SourcePosition> positions, CancellationToken cancellationToken)
    {
        // First the positions, so that they are as durable as what they speak of.
        await _progress.SaveAsync(positions, cancellationToken);
        await _client.SyncAsync(cancellationToken);
        if (_status.OpenDeadLetters > 0 && _time.GetElapsedTime(_lettersSeen) >= LookAtLettersEvery)
        {
            _lettersSeen = _time.GetTimestamp();
            if (await _deadLetters.SettleOvertakenAsync(_model, cancellationToken) > 0)
                await CountDeadLettersAsync(cancellationToken);
        }
    }

    public Task SaveAsync(TableCopy copy, CancellationToken cancellationToken) => _progress.SaveAsync(copy, cancellationToken);

    public async Task ResetAsync(bool keepRows, CancellationToken cancellationToken)
    {
        IEnumerable<string> rows = [
            .. _model.Tables.Select(table => table.Landing), .. _model.Facts.Select(fact => fact.Name),
            .. _model.Tables.SelectMany(table => table.Companions).Select(companion => companion.Name), DeadLetterTable.Name];
        foreach (var table in keepRows ? [] : rows)
            await _client.ExecuteAsync($"TRUNCATE TABLE {ClickHouseSql.Name(table)}", cancellationToken);
        // The request goes last, with all progress: an interrupted reset is done again.
        await _client.ExecuteAsync($"TRUNCATE TABLE {ProgressTable.Name}", cancellationToken);
    }

    public Task RequestResetAsync(CancellationToken cancellationToken) => _progress.RequestResetAsync(cancellationToken);

    public Task SetPausedAsync(bool paused, CancellationToken cancellationToken) => _progress.SetPausedAsync(paused, cancellationToken);

    public async Task<IReadOnlyList<LandedRow>> RetryDeadLettersAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        var landed = new List<LandedRow>();
        var waiting = await _deadLetters.WaitingAsync(ids, cancellationToken);
        foreach (var some in waiting.InPortions(waiting.Count, RetriedBytes, letter => letter.Bytes))
            landed.AddRange(await RetryTogetherAsync([.. some.Select(letter => letter.Id)], cancellationToken));
        return landed;
    }

    private async Task<IReadOnlyList<LandedRow>> RetryTogetherAsync(IReadOnlyList<string> ids, CancellationToken cancellationToken)
    {
        using var batch = new ChangeBatch();
        var rows = new List<LandedRow>();
        foreach (var (_, _, letter) in await _deadLetters.ListAsync(ids, ids.Count, cancellationToken))
        {
            if (_messages.TryRead(letter, batch) is not { } change)
                continue;

            batch.Add(change);
            rows.Add(new LandedRow(change.Relation.Table, KeyText.Of(batch, change.Relation, change.New.Exists ? change.New : change.Old),
                letter.Version, letter.Partition));
        }
        if (batch.Count == 0)
            return [];

        if (!_ordered)
            await _absent.FillAsync(batch, cancellationToken);
        _landing.Fill(batch, deriveCopies: false);
        await LandAsync(cancellationToken);
        await _client.SyncAsync(cancellationToken);
        // What failed again has been added again, with its new reason, and stays open.
        rows.RemoveAll(row => _landing.DeadLetters.Any(letter =>
            letter.Table == row.Table.Source && letter.Version == row.Version && letter.Partition == row.Partition
            && letter.Key == KeyText.Join(row.Key)));
        return rows;
    }

    public ValueTask DisposeAsync()
    {
        _landing.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task LandAsync(CancellationToken cancellationToken)
    {
        var inserts = _landing.Rows.Where(table => table.Value.Rows > 0)
            .Select(table =>
                _client.InsertAsync(InsertOf(_tables[table.Key]), LandingRows.Format, table.Value.Written, cancellationToken)).ToList();
        if (_landing.DeadLetters.Count > 0)
            inserts.Add(_deadLetters.AddAsync(_landing.DeadLetters, cancellationToken));
        await Task.WhenAll(inserts);

        string InsertOf(LandingTable table) =>
            _ordered && _landing.Versions is not null && _facts.IsReadByVersion(table.Mapping, _landing.Keys)
                ? table.InsertWithStatistics
                : table.Insert;
    }

    /// <summary>What concerns whole tables, then what all of that touches, and then what has waited for it.</summary>
    /// <returns>Whether dead letters may have been settled.</returns>
    private async Task<bool> DeriveAsync(ChangeBatch batch, CancellationToken cancellationToken)
    {
        var settled = await ApplyToTablesAsync(batch, cancellationToken);
        UInt128? position = _ordered ? LastPosition(batch) : null;
        await _facts.DeriveAsync(_landing.Keys, await SiblingsAsync(batch, cancellationToken), position, cancellationToken);
        return settled | await SettleAsync(batch, cancellationToken);
    }

    /// <summary>What concerns whole tables. Versions decide which rows it reaches, so it may follow the rows of the
    /// batch, whatever their order was.</summary>
    /// <returns>Whether dead letters may have been settled.</returns>
    private async Task<bool> ApplyToTablesAsync(ChangeBatch batch, CancellationToken cancellationToken)
    {
        var settled = false;
        for (var i = 0; i < batch.Count; i++)
        {
            var change = batch.Changes[i];
            var table = _tables[change.Relation.Table.Source];
            switch (change.Operation)
            {
                case ChangeOperation.Truncate:
                    await _client.ExecuteAsync(table.Truncate(change.Version, change.Lsn, change.Partition), cancellationToken);
                    await ClearAsync(table, change.Version, change.Partition);
                    break;
                case ChangeOperation.CopyBegin:
                    if (_ordered)
                        await BeginCopyAsync(CopyOf(change), cancellationToken);
                    await _landed.BeginCopyAsync(table.Mapping, change.Partition, cancellationToken);
                    break;
                case ChangeOperation.CopyRange:
                    await RecordRangesAsync(CopyOf(change), cancellationToken);
                    break;
                case ChangeOperation.CopyEnd when _ordered:
                    // Its marker may only be sent when a power failure cannot take the rows any more.
                    await _client.SyncAsync(cancellationToken);
                    break;
                case ChangeOperation.CopyEnd:
                    await SweepAsync(table, change);
                    await _landed.EndCopyAsync(table.Mapping, change.Partition, cancellationToken);
                    break;
                case ChangeOperation.Derive when change.New.Exists:
                    if (table.Mapping.AppendOnly)
                        break; // no fact shows it
                    _landing.KeysOf(table.Mapping).Add(batch, change.Relation, change.New);
                    break;
                case ChangeOperation.Derive:
                    await SweepAsync(table, change with { Version = change.Bound, Lsn = 0 });
                    break;
            }
        }
        return settled;

        async Task SweepAsync(LandingTable table, Change change)
        {
            var letters = await _deadLetters.OpenKeysAsync(table.Mapping, change.Bound, cancellationToken);
            using var kept = KeySet.Of(table.Mapping, letters.Select(key => KeyText.Split(table.Mapping, key))
                .OfType<IReadOnlyList<string>>());
            var (set, beside) = kept.In("kept");
            await _client.ExecuteAsync(
                table.Sweep(change.Version, change.Bound, change.Lsn, change.Partition, kept.IsEmpty ? null : set), beside is null
                    ? []
                    : [beside], cancellationToken);
            await ClearAsync(table, change.Bound, change.Partition);
        }

        // Everything is derived, also what was a tombstone already: a replay finds nothing left to clear.
        async Task ClearAsync(LandingTable table, UInt128 below, int partition)
        {
            await _deadLetters.SettleBelowAsync(table.Mapping, below, partition, cancellationToken);
            _landing.KeysOf(table.Mapping).All = true;
            settled = true;
        }
    }

    /// <summary>
    /// Tables that are copied together with one whose copy ends here, and are not so far: what is made of them all is derived whole at the
    /// last one's marker, and not at each.
    /// </summary>
    private async Task<IReadOnlyCollection<string>> SiblingsAsync(ChangeBatch batch, CancellationToken cancellationToken)
    {
        var ended = new Dictionary<string, ulong>();
        foreach (ref readonly var change in batch.Changes)
        {
            if (change is { Operation: ChangeOperation.Derive, New.Exists: false })
                ended[change.Relation.Table.Source] = (ulong)(change.Bound >> 64);
        }
        return ended.Count == 0 ? [] : [.. (await _progress.LoadAsync(cancellationToken)).Copies
            .Where(copy => copy.State == CopyState.Copying && !ended.ContainsKey(copy.Table) && ended.ContainsValue(copy.Point))
            .Select(copy => copy.Table)];
    }

    /// <summary>What landed outside the stream's order is settled once its marker has been derived, and all of that is durable.</summary>
    private async Task<bool> SettleAsync(ChangeBatch batch, CancellationToken cancellationToken)
    {
        var durable = false;
        var settled = false;
        var copied = false;
        for (var i = 0; i < batch.Count; i++)
        {
            var change = batch.Changes[i];
            if (change.Operation != ChangeOperation.Derive)
                continue;

            if (!durable)
                await _client.SyncAsync(cancellationToken);
            durable = true;

            var copy = CopyOf(change);
            if (change.New.Exists)
            {
                await _deadLetters.SettleAsync(change.Relation.Table, KeyText.Join(KeyText.Of(batch, change.Relation, change.New)),
                    change.Bound, change.Partition, cancellationToken);
                settled = true;
            }
            else if ((await _progress.LoadAsync(cancellationToken)).Copies.FirstOrDefault(copy.IsSame) is { } begun)
            {
                // Otherwise it is the marker of an older copy, replayed.
                await _progress.SaveAsync(begun with { State = CopyState.Done, Ranges = "" }, cancellationToken);
                await _landed.EndCopyAsync(change.Relation.Table, change.Partition, cancellationToken);
                copied = true;
            }
        }
        if (copied)
        {
            var progress = await _progress.LoadAsync(cancellationToken);
            _facts.SetCopied(progress.IsCopied);
            await _facts.SettleAsync(_landing.Keys, cancellationToken);
        }
        return settled;
    }

    private static TableCopy CopyOf(in Change change) =>
        new(change.Relation.Table.Source, CopyState.Copying, (ulong)(change.Bound >> 64), change.Relation.Table.Fingerprint,
            change.Relation.Form, change.Relation.Ranges);

    /// <summary>A copy that must come above a later point stays due, whichever one ends before it.</summary>
    private async Task BeginCopyAsync(TableCopy copy, CancellationToken cancellationToken)
    {
        var recorded = (await _progress.LoadAsync(cancellationToken)).Copies.FirstOrDefault(known => known.Table == copy.Table);
        if (recorded is not { State: CopyState.Withheld } && (recorded is not { State: CopyState.Requested }
            || recorded.Point < copy.Point))
            await _progress.SaveAsync(copy, cancellationToken);
    }

    /// <summary>A range is done with once its rows are durable; not where another copy has been asked for meanwhile.</summary>
    private async Task RecordRangesAsync(TableCopy copy, CancellationToken cancellationToken)
    {
        await _client.SyncAsync(cancellationToken);
        if ((await _progress.LoadAsync(cancellationToken)).Copies.Any(copy.IsSame))
            await _progress.SaveAsync(copy, cancellationToken);
    }

    private async Task CountDeadLettersAsync(CancellationToken cancellationToken) =>
        _status.OpenDeadLetters = await _deadLetters.CountOpenAsync(cancellationToken);

    /// <summary>A fact's version has room for its parts' versions, and offsets grow for ever.</summary>
    private void RefuseTooLarge(ChangeBatch batch)
    {
        foreach (ref readonly var change in batch.Changes)
        {
            if (change.Version > _largestVersion)
                throw new ResyncRequiredException(
                    $"Offset {change.Version - 1} of the topic is beyond {_largestVersion}, the largest that the versions of the " +
                    "deepest fact have room for. Name a new topic (Cdc__Topic) and run 'CdcProcessor resync --all'.");
        }
    }

    private static UInt128 LastPosition(ChangeBatch batch)
    {
        UInt128 last = 0;
        foreach (ref readonly var change in batch.Changes)
            last = UInt128.Max(last, change.Version);
        return last;
    }
}
