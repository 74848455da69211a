using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.Mapping;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// Lands each batch, reads back and derives, in this order: whatever was written late, twice or by a dead predecessor, the newest landing rows decide, and each star row is
/// derived from them anew.
/// </summary>
internal sealed class ClickHouseSink : IChangeSink
{
    /// <summary>How many roots one statement derives.</summary>
    private const int PageSize = 50_000;

    private readonly ClickHouseClient _client;
    private readonly Model _model;
    private readonly ProgressTable _progress;
    private readonly DeadLetterTable _deadLetters;
    private readonly LandingRows _landing = new();
    private readonly Dictionary<string, LandingTable> _tables;
    private readonly FactTable[] _facts;
    private bool _ordered;

    public ClickHouseSink(ClickHouseClient client, Model model, TimeProvider time)
    {
        _client = client;
        _model = model;
        _progress = new ProgressTable(client, time);
        _deadLetters = new DeadLetterTable(client, time);
        _tables = model.Tables.ToDictionary(table => table.Source, table => new LandingTable(table));
        _facts = [.. model.Facts.Select(fact => new FactTable(model, fact))];
    }

    public bool CopiesInOrder => false;

    public async Task<Progress> OpenAsync(CancellationToken cancellationToken)
    {
        await SchemaCheck.RunAsync(_client, _model, cancellationToken);
        return await _progress.LoadAsync(cancellationToken);
    }

    public Task BeginAsync(SourceIdentity source, CancellationToken cancellationToken)
    {
        _ordered = source.Ordered;
        return _progress.SaveAsync(source, cancellationToken);
    }

    public async Task WriteAsync(ChangeBatch batch, CancellationToken cancellationToken)
    {
        _landing.Fill(batch, deriveCopies: !_ordered);
        await LandAsync(cancellationToken);
        await ApplyToTablesAsync(batch, cancellationToken);
        await DeriveAsync(_ordered ? LastPosition(batch) : null, cancellationToken);
        await RecordCopiesAsync(batch, cancellationToken);
    }

    public async Task MakeDurableAsync(IReadOnlyCollection<SourcePosition> positions, CancellationToken cancellationToken)
    {
        // First the positions, so that they are as durable as what they speak of.
        if (positions.Count > 0)
            await _progress.SaveAsync(positions, cancellationToken);
        await _client.ExecuteAsync("SYSTEM SYNC FILE CACHE", cancellationToken);
    }

    public Task SaveAsync(TableCopy copy, CancellationToken cancellationToken) => _progress.SaveAsync(copy, cancellationToken);

    public ValueTask DisposeAsync()
    {
        _landing.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task LandAsync(CancellationToken cancellationToken)
    {
        var inserts = _landing.Rows.Where(table => table.Value.Rows > 0)
            .Select(table => _client.InsertAsync(_tables[table.Key].Insert, table.Value.Written, cancellationToken)).ToList();
        if (_landing.DeadLetters.Count > 0)
            inserts.Add(_deadLetters.AddAsync(_landing.DeadLetters, cancellationToken));
        await Task.WhenAll(inserts);
    }

    /// <summary>What concerns whole tables. Versions decide which rows it reaches, so it may follow the rows of the batch, whatever their order was.</summary>
    private async Task ApplyToTablesAsync(ChangeBatch batch, CancellationToken cancellationToken)
    {
        for (var i = 0; i < batch.Count; i++)
        {
            var change = batch.Changes[i];
            var table = _tables[change.Relation.Table.Source];
            switch (change.Operation)
            {
                case ChangeOperation.Truncate:
                    await _client.ExecuteAsync(table.Truncate(change.Version, change.Lsn, change.Partition), cancellationToken);
                    // A replay finds nothing left to clear, and must derive all the same.
                    _landing.KeysOf(table.Mapping).All = true;
                    break;
                case ChangeOperation.CopyEnd:
                    await _client.ExecuteAsync(table.Sweep(change.Version, change.Bound, change.Lsn, change.Partition), cancellationToken);
                    if (!_ordered)
                        _landing.KeysOf(table.Mapping).All = true;
                    break;
                case ChangeOperation.Derive when change.New.Exists:
                    _landing.KeysOf(table.Mapping).Add(batch, change.Relation, change.New);
                    break;
                case ChangeOperation.Derive:
                    _landing.KeysOf(table.Mapping).All = true;
                    break;
            }
        }
    }

    private Task DeriveAsync(UInt128? position, CancellationToken cancellationToken) =>
        _landing.Keys.Count == 0 ? Task.CompletedTask : Task.WhenAll(_facts.Select(fact => DeriveAsync(fact, position, cancellationToken)));

    private async Task DeriveAsync(FactTable fact, UInt128? position, CancellationToken cancellationToken)
    {
        var keys = _landing.Keys;
        if (fact.Mapping.Parents.Select(parent => parent.Table).Prepend(fact.Mapping.Root).Any(table => keys.TryGetValue(table, out var changed) && changed.All))
        {
            await DeriveAllAsync(fact, position, cancellationToken);
            return;
        }

        if (keys.TryGetValue(fact.Mapping.Root, out var roots))
        {
            foreach (var page in roots.Literals.Chunk(PageSize))
                await DeriveAsync(fact, page, position, cancellationToken);
        }

        string? after = null;
        while (fact.Affected(keys, after, PageSize) is { } query)
        {
            var rows = await _client.QueryAsync(query, cancellationToken);
            if (rows.Count == 0)
                break;

            var affected = rows.Select(row => fact.KeyLiteral(row)).ToList();
            after = affected[^1];
            if (roots is not null)
                affected.RemoveAll(roots.Literals.Contains);
            if (affected.Count > 0)
                await DeriveAsync(fact, affected, position, cancellationToken);
            if (rows.Count < PageSize)
                break;
        }
    }

    private Task DeriveAsync(FactTable fact, IEnumerable<string> keys, UInt128? position, CancellationToken cancellationToken) =>
        _client.ExecuteAsync(fact.Derive($"{fact.KeyExpression} IN ({string.Join(',', keys)})", position), cancellationToken);

    private async Task DeriveAllAsync(FactTable fact, UInt128? position, CancellationToken cancellationToken)
    {
        string? after = null;
        while (true)
        {
            if (await _client.QueryAsync(fact.Page(after, PageSize * 4), cancellationToken) is not [var row] || row[^1] == "0")
                return;

            var last = fact.KeyLiteral(row);
            await _client.ExecuteAsync(fact.Derive($"{(after is null ? "" : $"{fact.KeyExpression} > {after} AND ")}{fact.KeyExpression} <= {last}", position), cancellationToken);
            after = last;
        }
    }

    /// <summary>A copy is done once its marker has been derived, and all of that is durable.</summary>
    private async Task RecordCopiesAsync(ChangeBatch batch, CancellationToken cancellationToken)
    {
        for (var i = 0; i < batch.Count; i++)
        {
            var change = batch.Changes[i];
            var point = (ulong)(change.Bound >> 64);
            var copying = new TableCopy(change.Relation.Table.Source, CopyState.Copying, point);
            if (!_ordered || point == 0)
                continue;

            if (change.Operation == ChangeOperation.CopyBegin)
            {
                await _progress.SaveAsync(copying, cancellationToken);
            }
            else if (change.Operation == ChangeOperation.Derive && (await _progress.LoadAsync(cancellationToken)).Copies.Contains(copying))
            {
                // Otherwise it is the marker of an older copy, replayed.
                await MakeDurableAsync([], cancellationToken);
                await _progress.SaveAsync(copying with { State = CopyState.Done }, cancellationToken);
            }
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
