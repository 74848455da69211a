using System.Collections.ObjectModel;
using System.Runtime.CompilerServices;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// The fact tables, and what has to be derived whole: a fact that is new, or whose definition has changed. A changed one is derived in a
/// table beside the old one, which goes on following by its old definition; then that takes its place. Which of two tables has which form
/// stands in their comments (<see cref="FactMapping.Fingerprint"/>).
/// </summary>
internal sealed partial class Facts(
    ClickHouseClient client, StarModel model, ProgressTable progress, FactProgress report, ILogger<ClickHouseSink> logger)
{
    /// <summary>How many roots one statement derives.</summary>
    private const int PageSize = 200_000;

    /// <summary>A parent of more bytes is not read whole, however few rows it has.</summary>
    private const int FewBytes = 32 * 1024 * 1024;

    private readonly List<FactTable> _tables = [];
    private readonly Dictionary<FactTable, FollowedFact> _followed = [];
    private readonly List<Rebuild> _waiting = [];
    private Rebuild? _running;
    private bool _ordered;

    /// <summary>The landing tables of which ClickHouse finds the rows of a batch by their versions.</summary>
    private volatile IReadOnlySet<string> _findsByVersion = ReadOnlySet<string>.Empty;

    /// <summary>How many rows the tables had a while ago, of those that are not large.</summary>
    private volatile IReadOnlyDictionary<string, long> _sizes = ReadOnlyDictionary<string, long>.Empty;

    /// <summary>The identity of each table, of a fact's as of when this processor came to write to it.</summary>
    private volatile IReadOnlyDictionary<string, string> _identities = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>The tables that it knows, for <see cref="Check"/>.</summary>
    public IReadOnlyDictionary<string, string> Known => _identities;

    /// <summary>A fact is being derived whole, or can be now.</summary>
    public bool HasWork => _running is not null || _waiting.Exists(rebuild => rebuild.IsDue);

    /// <summary>Looks how far the facts are.</summary>
    /// <param name="tables">The identities of the database's tables.</param>
    /// <param name="known">What is recorded.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="NotReadyException">A table of the fact's form is missing.</exception>
    public async Task OpenAsync(IReadOnlyDictionary<string, string> tables, Progress known, CancellationToken cancellationToken)
    {
        var comments = (await client.QueryAsync(
            $"SELECT name, comment FROM system.tables WHERE database = {ClickHouseSql.Quote(client.Database)}", cancellationToken))
            .ToDictionary(row => row[0]!, row => row[1]!);
        _tables.Clear();
        _followed.Clear();
        _waiting.Clear();
        report.Clear();
        _identities = tables;
        await MeasureAsync(cancellationToken);
        foreach (var fact in model.Facts)
            await OpenAsync(fact, known, comments, cancellationToken);
    }

    /// <summary>
    /// Says if a fact has another table than it had: one that was restored, or that a processor which is dead has put in place late. What
    /// was written to the former one is not in it.
    /// </summary>
    /// <param name="known"><see cref="Known"/>, as of before the tables were read.</param>
    /// <param name="tables">The identities of the database's tables.</param>
    /// <exception cref="NotReadyException">It has; the next start derives it whole.</exception>
    public void Check(IReadOnlyDictionary<string, string> known, IReadOnlyDictionary<string, string> tables)
    {
        if (!ReferenceEquals(known, _identities))
            return; // one was put in place meanwhile

        foreach (var fact in model.Facts)
        {
            if (known.TryGetValue(fact.Name, out var identity) && tables.GetValueOrDefault(fact.Name) != identity)
                throw new NotReadyException($"{fact.Name} has another table in ClickHouse than it had: it is derived whole.");
        }
    }

    /// <summary>Looks how large the tables are, and which can be looked up by version: how facts are derived best depends on that, and not
    /// what they are.</summary>
    public async Task MeasureAsync(CancellationToken cancellationToken)
    {
        if (!_ordered)
            return;

        _findsByVersion = await VersionStatistics.TablesAsync(client, cancellationToken);
        _sizes = (await client.QueryAsync(
            $"SELECT name, total_rows FROM system.tables WHERE database = {ClickHouseSql.Quote(client.Database)} " +
            $"AND total_bytes_uncompressed <= {FewBytes}", cancellationToken))
            .ToDictionary(row => row[0]!, row => long.Parse(row[1]!, System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>Who fills the tables from now on.</summary>
    public void Begin(bool ordered) => _ordered = ordered;

    /// <summary>Behind an ordered source a fact is derived whole only when all its tables are copied: what is
    /// missing is no tombstone then.</summary>
    public void SetCopied(Func<TableMapping, bool> isCopied)
    {
        foreach (var rebuild in _waiting)
            rebuild.IsDue = !_ordered || rebuild.Table.Sources.All(source => isCopied(model.Table(source)));
    }

    /// <summary>Derives what the keys touch, in every fact.</summary>
    /// <param name="keys">The keys, by table.</param>
    /// <param name="awaited">
    /// Tables after whose copies the facts that are made of them are derived whole: of these only single keys are derived now.
    /// </param>
    /// <param name="position">The position of the one ordered reader's batch; null where several readers fill the tables.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public Task DeriveAsync(IReadOnlyDictionary<string, KeySet> keys, IReadOnlyCollection<string> awaited, UInt128? position,
        CancellationToken cancellationToken) =>
        keys.Values.All(set => set.IsEmpty)
            ? Task.CompletedTask
            : Task.WhenAll(_tables.Select(fact => DeriveAsync(fact, keys, fact.Sources.Any(awaited.Contains), position,
                cancellationToken)));

    /// <summary>Whether a large batch's rows of a table are read back by their versions.</summary>
    public bool IsReadByVersion(TableMapping table, IReadOnlyDictionary<string, KeySet> keys) =>
        _findsByVersion.Contains(table.Landing) && keys.GetValueOrDefault(table.Source) is { Count: > KeySet.Few }
        && _tables.Exists(fact => fact.RootTable.Landing == table.Landing);

    /// <summary>
    /// Derives what a batch of one ordered reader touches that has landed. Its own facts are derived from the rows that have its versions:
    /// where a key has a newer one, that one or its marker derives it at a higher position. Where they are many, that takes a
    /// third less of ClickHouse's time than to look them up by their keys.
    /// </summary>
    /// <param name="keys">The keys, by table.</param>
    /// <param name="versions">The versions of its rows.</param>
    /// <param name="position">The position of the batch.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public Task DeriveAsync(IReadOnlyDictionary<string, KeySet> keys, VersionRange versions, UInt128 position,
        CancellationToken cancellationToken) =>
        Task.WhenAll(_tables.Select(fact => IsReadByVersion(fact.RootTable, keys)
            ? DeriveBroughtAsync(fact, keys, versions, position, cancellationToken)
            : DeriveAsync(fact, keys, isAwaited: false, position, cancellationToken)));

    /// <summary>
    /// Writes what a small batch of one ordered reader touches, and has it land. Its own rows need not be read again: each one's last is
    /// its newest, or what is newer derives it at a higher position; and what they point to is its own, or known from the batches before.
    /// So they may come before their rows land, in any order. They come first, since they are what is read, and ClickHouse would take its
    /// time for all at once.
    /// </summary>
    /// <param name="batch">A batch that <see cref="LandingRows.MayBeFollowed"/>.</param>
    /// <param name="land">Has it land.</param>
    /// <param name="position">The position of the batch.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task FollowAsync(LandingRows batch, Func<Task> land, UInt128 position, CancellationToken cancellationToken)
    {
        var left = await Task.WhenAll(_tables.Select(fact => PutAsync(fact, batch, position, cancellationToken)));
        var landing = land();
        await Task.WhenAll(
            _tables.Zip(left, (fact, own) => FollowAsync(fact, batch, own, landing, position, cancellationToken)).Prepend(landing));
    }

    /// <summary>Something comes that is not followed: what is known of the batches before holds no longer.</summary>
    public void Forget()
    {
        foreach (var fact in _followed.Values)
            fact.Forget();
    }

    /// <summary>Whole tables were derived with these keys, and are copied: what waits for them need not be done once more.</summary>
    public async Task SettleAsync(IReadOnlyDictionary<string, KeySet> keys, CancellationToken cancellationToken)
    {
        var settled = _waiting.FindAll(rebuild => rebuild is { IsDue: true, IsBeside: false } && IsWhole(rebuild.Table, keys));
        _waiting.RemoveAll(settled.Contains);
        await DoneAsync([.. settled.Select(rebuild => rebuild.Table)], cancellationToken);
    }

    /// <summary>Derives one more page of a fact that is to be derived whole. Between two batches only.</summary>
    /// <param name="position">Above all that was derived so far, and below all that comes; null where
    /// several readers fill the tables.</param>
    /// <param name="cancellationToken">Ends it; the next start begins anew.</param>
    public async Task WorkAsync(UInt128? position, CancellationToken cancellationToken)
    {
        if (_running is null)
        {
            if (_waiting.Find(rebuild => rebuild.IsDue) is not { } next)
                return;
            _waiting.Remove(next);
            _running = next;
            var roots =
                await client.ScalarAsync(
                    $"SELECT uniqExact({_running.Table.KeyExpression}) FROM {ClickHouseSql.Name(_running.Table.RootTable.Landing)}",
                    cancellationToken);
            report.Begin(_running.Table.Mapping.Name, long.Parse(roots!, System.Globalization.CultureInfo.InvariantCulture));
            LogDeriving(_running.Table.Mapping.Name, roots!);
        }

        var (last, count) = await DerivePageAsync(_running.Table, _running.After, PageSize, position, cancellationToken);
        _running.After = last;
        report.Add(_running.Table.Mapping.Name, count);
        if (last is not null)
            return;

        var finished = _running;
        _running = null;
        if (!finished.IsBeside)
        {
            await DoneAsync([finished.Table], cancellationToken);
            return;
        }

        if (_ordered)
            await RecordAsync([finished.Table], cancellationToken);
        await ReplaceAsync(finished.Table.Mapping, cancellationToken);
        var replaced = InPlace(finished.Table.Mapping);
        // Several readers write by their own clocks: what another one has written to the old table in
        // between is derived once more, in its place, and only then the fact is done.
        if (_ordered)
            await RecordAsync([replaced], cancellationToken);
        else
            _waiting.Add(new Rebuild(replaced) { IsDue = true });
    }

    private async Task OpenAsync(FactMapping fact, Progress known, Dictionary<string, string> comments, CancellationToken cancellationToken)
    {
        var definition = StarFile.Write(fact);
        var recorded = known.Facts.GetValueOrDefault(fact.Name) is { } json ? StarFile.ReadFact(json) : null;
        var isBeside = comments.TryGetValue(fact.Next, out var beside) && beside == fact.Fingerprint
            && comments.GetValueOrDefault(fact.Name) != fact.Fingerprint;
        if (!comments.TryGetValue(fact.Name, out var comment) || (!isBeside && comment.Length > 0 && comment != fact.Fingerprint))
            throw new NotReadyException(
                $"ClickHouse has no table '{fact.Name}' in the form of the model's: run ClickHouseMigrator, with the same model.");

        var identity = known.Tables.GetValueOrDefault(fact.Name);
        var isDone = recorded?.Fingerprint == fact.Fingerprint;
        if (isDone && identity is not null && identity != _identities.GetValueOrDefault(isBeside ? fact.Next : fact.Name))
        {
            LogOtherTable(fact.Name);
            isDone = false;
        }
        if (isBeside && (isDone || recorded is null))
        {
            // It was derived whole, and something came before it took its place; or the old one never was, and nobody misses it.
            await ReplaceAsync(fact, cancellationToken);
            isBeside = false;
            isDone &= _ordered;
        }
        else if (beside == fact.Fingerprint && comment == fact.Fingerprint)
        {
            // The processor that put it in place has died before it dropped it, or is about to: until it is gone, another one that still
            // fills it could put it in place again, over what is written to the fact from now on. Or the definition has come back before
            // another was whole, and the fact rested meanwhile. Either way it has to be derived anew, also after a crash in between.
            await progress.ForgetAsync(fact, cancellationToken);
            await DropNextAsync(fact, cancellationToken);
            isDone = false;
        }
        report.Add(fact.Name, isDone && !isBeside);

        var table = isBeside ? Beside(fact) : InPlace(fact);
        if (await FaultOfAsync(table, cancellationToken) is { } fault)
            throw new NotReadyException($"{fault} Run ClickHouseMigrator with the same model, or correct the definition.");
        _tables.Add(table);
        if (isBeside && recorded is not null && await FollowsStillAsync(recorded, cancellationToken) is { } old)
            _tables.Add(old);
        if (!isDone)
            _waiting.Add(new Rebuild(table) { IsBeside = isBeside });
        else if (identity != _identities.GetValueOrDefault(table.Target))
            await RecordAsync([table], cancellationToken);
    }

    private FactTable InPlace(FactMapping fact) => new(model, fact, fact.Name);

    private FactTable Beside(FactMapping fact) => new(model, fact, fact.Next);

    /// <summary>
    /// The old definition, where it still means something: its tables, columns and companions are there. Behind several readers it is let
    /// be: some would write by it after the exchange.
    /// </summary>
    private async Task<FactTable?> FollowsStillAsync(FactMapping old, CancellationToken cancellationToken)
    {
        if (!_ordered || ModelCheck.FaultsOf(model with { Facts = [old] }).Count > 0)
            return null;
        var table = InPlace(old);
        return await FaultOfAsync(table, cancellationToken) is null ? table : null;
    }

    /// <summary>Whether ClickHouse understands a definition, and gives its columns the types that both the model and the table have: an
    /// INSERT would cast them without a word.</summary>
    private async Task<string?> FaultOfAsync(FactTable fact, CancellationToken cancellationToken)
    {
        IReadOnlyList<string?[]> derived;
        try
        {
            derived = await client.QueryAsync(fact.Describe, cancellationToken);
        }
        catch (ClickHouseException e)
        {
            return $"ClickHouse refuses the definition of {fact.Mapping.Name}: {e.Message}";
        }

        var real = (await client.QueryAsync(
            $"SELECT name, type FROM system.columns WHERE database = {ClickHouseSql.Quote(client.Database)} AND table = " +
            $"{ClickHouseSql.Quote(fact.Target)}", cancellationToken))
            .ToDictionary(row => row[0]!, row => row[1]!);
        List<string> faults = [];
        for (var i = 0; i < fact.Mapping.Columns.Count; i++)
        {
            var column = fact.Mapping.Columns[i];
            if (Plain(derived[i][1]!) != Plain(column.Type.Name))
                faults.Add(
                    $"{fact.Mapping.Name}.{column.Name} is {column.Type} in the model, and its expression {column.Expression} gives " +
                    $"{derived[i][1]}");
            if (!real.TryGetValue(column.Name, out var type))
                faults.Add($"{fact.Target}.{column.Name} is missing");
            else if (type != column.Type.Name)
                faults.Add($"{fact.Target}.{column.Name} is {type}, where the model has {column.Type}");
        }
        return faults.Count == 0 ? null : $"{string.Join("; ", faults)}.";
    }

    /// <summary>Low cardinality is a way to keep a value, and functions like <c>if</c> leave it away.</summary>
    public static string Plain(string type) =>
        type.StartsWith("LowCardinality(", StringComparison.Ordinal) ? type["LowCardinality(".Length..^1] : type;

    /// <summary>
    /// Puts the table beside a fact in its place. Behind Kafka several processors may come to that at once, so it is a statement that may
    /// run twice: EXCHANGE TABLES would bring the old table back the second time, and then the new one would be dropped. Whoever comes
    /// after that finds no table beside it, and begins anew. The server clones the table first, and then puts the clone in place; where
    /// that comes late, the fact's identity tells.
    /// </summary>
    private async Task ReplaceAsync(FactMapping fact, CancellationToken cancellationToken)
    {
        // Until it has answered, nobody knows which table is the fact's.
        _identities = _identities.Where(table => table.Key != fact.Name).ToDictionary();
        await client.ExecuteAsync(
            $"CREATE OR REPLACE TABLE {ClickHouseSql.Name(fact.Name)} CLONE AS {ClickHouseSql.Name(fact.Next)} " +
            "SETTINGS max_table_size_to_drop = 0", cancellationToken);
        await DropNextAsync(fact, cancellationToken);
        var found = await TableIdentities.ReadAsync(client, cancellationToken);
        _identities = _identities.Append(new(fact.Name, found.GetValueOrDefault(fact.Name, ""))).ToDictionary();
        _tables.RemoveAll(table => table.Mapping.Name == fact.Name);
        _followed.Clear();
        _tables.Add(InPlace(fact));
        report.End(fact.Name);
        LogReplaced(fact.Name);
    }

    private Task DropNextAsync(FactMapping fact, CancellationToken cancellationToken) => client.ExecuteAsync(
        $"DROP TABLE IF EXISTS {ClickHouseSql.Name(fact.Next)} SETTINGS max_table_size_to_drop = 0", cancellationToken);

    private async Task DoneAsync(IReadOnlyCollection<FactTable> facts, CancellationToken cancellationToken)
    {
        await RecordAsync(facts, cancellationToken);
        foreach (var fact in facts)
        {
            report.End(fact.Mapping.Name);
            LogDerived(fact.Mapping.Name);
        }
    }

    /// <summary>Records that facts were derived whole, once that outlives a loss of power: nobody would derive them again.</summary>
    private async Task RecordAsync(IReadOnlyCollection<FactTable> facts, CancellationToken cancellationToken)
    {
        if (facts.Count == 0)
            return;

        await client.SyncAsync(cancellationToken);
        foreach (var fact in facts)
            await progress.SaveAsync(fact.Mapping, _identities.GetValueOrDefault(fact.Target, ""), cancellationToken);
    }

    private async Task DeriveAsync(
        FactTable fact, IReadOnlyDictionary<string, KeySet> keys, bool isAwaited, UInt128? position, CancellationToken cancellationToken)
    {
        using var activity = BatchTrace.Step($"derive {fact.Mapping.Name}");
        if (!isAwaited && IsWhole(fact, keys))
        {
            string? after = null;
            do
                (after, _) = await DerivePageAsync(fact, after, PageSize * 4, position, cancellationToken);
            while (after is not null);
            return;
        }

        using var due = new KeySet(fact.RootTable);
        if (keys.TryGetValue(fact.Mapping.Root, out var roots))
            due.Add(roots);
        if (fact.Affected(keys) is var (children, tables))
        {
            // Where the roots are very many, they are derived a page at a time.
            await foreach (var page in RootsAsync(fact, children, tables, except: null, cancellationToken))
            {
                due.Add(page.Count, page.Rows.Span, page.Literals);
                if (page.Count < PageSize)
                    break;

                await DeriveAsync(fact, due, position, cancellationToken);
                due.Clear();
            }
        }
        await DeriveAsync(fact, due, position, cancellationToken);
    }

    private async Task DeriveBroughtAsync(FactTable fact, IReadOnlyDictionary<string, KeySet> keys, VersionRange versions, UInt128 position,
        CancellationToken cancellationToken)
    {
        using var activity = BatchTrace.Step($"derive {fact.Mapping.Name}");
        var (sizes, roots) = (_sizes, keys[fact.Mapping.Root].Count);
        await client.ExecuteAsync(
            fact.DeriveBrought(versions, position, table => sizes.TryGetValue(table.Landing, out var rows) && rows <= roots),
            cancellationToken);
        if (fact.Affected(keys) is var (others, tables))
            await DeriveOthersAsync(fact, fact.NotBrought(others, versions), tables, except: null, Task.CompletedTask, position,
                cancellationToken);
    }

    /// <summary>Writes the facts of the roots that a batch has brought.</summary>
    /// <returns>The keys that are left, to be derived from what has landed; null for none.</returns>
    private async Task<KeySet?> PutAsync(FactTable fact, LandingRows batch, UInt128 position, CancellationToken cancellationToken)
    {
        if (!_followed.TryGetValue(fact, out var followed))
            _followed.Add(fact, followed = new FollowedFact(client, fact));
        var roots = followed.Take(batch);
        if (batch.Keys.GetValueOrDefault(fact.Mapping.Root) is not { Count: > 0 } own)
            return null;

        using var activity = BatchTrace.Step($"derive {fact.Mapping.Name}");
        return roots is not null && await followed.TryPutAsync(roots, position, cancellationToken) ? null : own;
    }

    /// <summary>Derives what is left, and the facts whose roots are not in the batch: companions know before it lands which point to its
    /// rows, and one that comes to do so in this batch is in it.</summary>
    private async Task FollowAsync(
        FactTable fact, LandingRows batch, KeySet? left, Task landing, UInt128 position, CancellationToken cancellationToken)
    {
        var others = fact.Affected(batch.Keys);
        if (left is null && others is null)
            return;

        var own = batch.Keys.GetValueOrDefault(fact.Mapping.Root) is { Count: > 0 } roots ? roots : null;
        using var activity = BatchTrace.Step(
            left is null && own is not null ? $"derive others of {fact.Mapping.Name}" : $"derive {fact.Mapping.Name}");
        await Task.WhenAll(
            DeriveOwnAsync(),
            others is var (keys, tables)
                ? DeriveOthersAsync(fact, keys, tables, own?.In("own").Set, landing, position, cancellationToken)
                : Task.CompletedTask);

        async Task DeriveOwnAsync()
        {
            if (left is null)
                return;

            await landing;
            await DeriveAsync(fact, left, position, cancellationToken);
        }
    }

    /// <summary>Derives the facts that show a row of a batch without being in it, once it has landed.</summary>
    private async Task DeriveOthersAsync(FactTable fact, string others, IReadOnlyCollection<ExternalTable> tables, string? except,
        Task landing, UInt128 position, CancellationToken cancellationToken)
    {
        using var due = new KeySet(fact.RootTable);
        await foreach (var page in RootsAsync(fact, others, tables, except, cancellationToken))
        {
            due.Clear();
            due.Add(page.Count, page.Rows.Span, page.Literals);
            await landing;
            await DeriveAsync(fact, due, position, cancellationToken);
        }
    }

    /// <summary>
    /// The roots among some keys, in pages, of which only the last has fewer than <see cref="PageSize"/>; each is good until the next.
    /// </summary>
    private async IAsyncEnumerable<RootPage> RootsAsync(
        FactTable fact, string keys, IReadOnlyCollection<ExternalTable> tables, string? except,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var rows = new RowBuffer();
        string? after = null;
        RootPage page;
        do
        {
            rows.Clear();
            await client.ReadAsync(fact.Page(keys, after, PageSize, except), tables, rows, cancellationToken);
            page = fact.ReadPage(rows.Written);
            after = page.Last;
            yield return page;
        }
        while (page.Count == PageSize);
    }

    private static bool IsWhole(FactTable fact, IReadOnlyDictionary<string, KeySet> keys) =>
        fact.Sources.Any(source => keys.TryGetValue(source, out var changed) && changed.All);

    private async Task DeriveAsync(FactTable fact, KeySet due, UInt128? position, CancellationToken cancellationToken)
    {
        if (due.Count == 0)
            return;

        var (set, table) = due.In("changed");
        await client.ExecuteAsync(
            fact.Derive($"{fact.KeyExpression} IN {set}", position), table is null ? [] : [table], cancellationToken);
    }

    /// <summary>Derives the next roots; returns the last one as a literal, null where there are no more, and how many they were.</summary>
    private async Task<(string? Last, long Count)> DerivePageAsync(
        FactTable fact, string? after, int size, UInt128? position, CancellationToken cancellationToken)
    {
        if (await client.QueryAsync(fact.LastOfPage(after, size), cancellationToken) is not [var row] || row[^1] == "0")
            return (null, 0);

        var last = fact.RootTable.KeyLiteral(row[..^1]);
        var count = long.Parse(row[^1]!, System.Globalization.CultureInfo.InvariantCulture);
        await client.ExecuteAsync(fact.Derive(fact.Between(after, last), position), cancellationToken);
        return (count < size ? null : last, count);
    }

    [LoggerMessage(EventId = 30, Level = LogLevel.Information, Message = "Deriving {Fact} whole, {Rows} rows, beside the stream")]
    private partial void LogDeriving(string fact, string rows);

    [LoggerMessage(EventId = 31, Level = LogLevel.Information, Message = "Derived {Fact} whole")]
    private partial void LogDerived(string fact);

    [LoggerMessage(
        EventId = 32, Level = LogLevel.Information, Message = "{Fact} has its new form: the table beside it has taken its place")]
    private partial void LogReplaced(string fact);

    [LoggerMessage(EventId = 33, Level = LogLevel.Warning,
        Message = "{Fact} has another table in ClickHouse than the one that was derived whole: it is derived anew")]
    private partial void LogOtherTable(string fact);

    /// <summary>A fact to be derived whole.</summary>
    private sealed class Rebuild(FactTable table)
    {
        public FactTable Table => table;

        /// <summary>In the table beside it, which then takes its place.</summary>
        public bool IsBeside { get; init; }

        /// <summary>It can begin.</summary>
        public bool IsDue { get; set; }

        /// <summary>The last root that was derived, as a literal.</summary>
        public string? After { get; set; }
    }
}
