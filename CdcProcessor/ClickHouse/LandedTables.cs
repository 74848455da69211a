using System.Collections.Concurrent;
using System.Globalization;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// Which landing tables there are. What came to a former one is not in the one that has its name now, whoever restored, exchanged or made
/// it anew: it is copied, and in doubt until then.
/// </summary>
/// <remarks>
/// <c>cdc_progress</c> has the identity of each table that was filled; behind it stands <c>copying</c> from when a copy is due to its end.
/// Behind Kafka each partition has its marks, and its record, and the table is filled when all have. Of a table that somebody has to have
/// copied <c>lacking</c> is recorded: the former one may come back, and lacks what came meanwhile.
/// </remarks>
internal sealed partial class LandedTables(
    ClickHouseClient client, StarModel model, ProgressTable progress, CdcOptions options, ProcessorStatus status,
    ILogger<ClickHouseSink> logger)
{
    /// <summary>The name of this watch, where doubts are told.</summary>
    private const string Watch = "landing";

    private const string Copying = " copying", Lacking = "lacking", CopiedByItself = "it is being copied anew, by itself.";

    /// <summary>Tables that lack what came before, by their source, with what to do.</summary>
    private readonly ConcurrentDictionary<string, string> _lacking = [];

    private IReadOnlyDictionary<string, string> _identities = new Dictionary<string, string>();
    private bool _ordered;

    /// <summary>Records the tables that are filled from now on, and has those copied that are others than were filled.</summary>
    /// <param name="tables">The identities of the database's tables.</param>
    /// <param name="known">What is recorded.</param>
    /// <param name="ordered">Whether this processor can copy one: what was filled from Kafka, only whoever writes the topic can.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="NotReadyException">The next start copies a table.</exception>
    public async Task BeginAsync(
        IReadOnlyDictionary<string, string> tables, Progress known, bool ordered, CancellationToken cancellationToken)
    {
        (_identities, _ordered) = (tables, ordered);
        var due = new List<TableMapping>();
        var found = new List<(string Name, string Identity)>();
        foreach (var table in model.Tables)
        {
            var recorded = known.Tables.GetValueOrDefault(table.Landing);
            if (recorded == IdentityOf(table))
                continue;
            if (recorded is null || (recorded == IdentityOf(table) + Copying && known.IsCopied(table)))
            {
                found.Add((table.Landing, IdentityOf(table)));
                continue;
            }

            var cure = CureOf(table, recorded, known);
            _lacking[table.Source] = cure ?? CopiedByItself;
            if (cure is null)
                due.Add(table);
            else if (recorded != Lacking && recorded != IdentityOf(table) + Copying)
                found.AddRange(known.Tables.Keys.Where(name => name.StartsWith(table.Landing + "\t", StringComparison.Ordinal))
                    .Append(table.Landing).Select(name => (name, Lacking)));
        }
        Tell();
        await progress.SaveAsync([], found, cancellationToken);
        if (due.Count == 0)
            return;

        foreach (var table in due)
            LogOther(table.Landing, table.Source);
        // What is known of its copy so far must not be lost where this is kept.
        await client.SyncAsync(cancellationToken);
        // One that is withheld is copied in any case, once its source is as it must be.
        var copies = due.Where(table => known.Copies.All(copy => copy.Table != table.Source || copy.State != CopyState.Withheld))
            .Select(table => new TableCopy(table.Source, CopyState.Requested, 0, table.Fingerprint));
        await progress.SaveAsync(
            [.. copies], [.. due.Select(table => (table.Landing, IdentityOf(table) + Copying))], cancellationToken);
        throw Replaced(due[0]);
    }

    /// <summary>A copy begins, all of whose rows come to the table that there is now.</summary>
    public async Task BeginCopyAsync(TableMapping table, int partition, CancellationToken cancellationToken)
    {
        if (!_lacking.ContainsKey(table.Source))
            return;

        // That a copy is under way must not be lost where this is kept.
        await client.SyncAsync(cancellationToken);
        await progress.SaveAsync([], [(NameOf(table, partition), IdentityOf(table) + Copying)], cancellationToken);
        if (_ordered)
            _lacking[table.Source] = CopiedByItself;
        Tell();
    }

    /// <summary>A copy has ended.</summary>
    public async Task EndCopyAsync(TableMapping table, int partition, CancellationToken cancellationToken)
    {
        if (!_lacking.ContainsKey(table.Source))
            return;

        var name = NameOf(table, partition);
        var known = (await progress.LoadAsync(cancellationToken)).Tables;
        if (known.GetValueOrDefault(name) != IdentityOf(table) + Copying)
            return; // what it brought first went to the former table

        await progress.SaveAsync([], [(name, IdentityOf(table))], cancellationToken);
        // Whoever ends another partition at the same time is seen by the next look.
        await LookAsync(known.Where(record => record.Key != name).Append(new(name, IdentityOf(table))).ToDictionary(), cancellationToken);
    }

    /// <summary>Says if one is another than at the start.</summary>
    /// <exception cref="NotReadyException">It is.</exception>
    public async Task CheckAsync(IReadOnlyDictionary<string, string> tables, CancellationToken cancellationToken)
    {
        if (model.Tables.FirstOrDefault(table => tables.GetValueOrDefault(table.Landing, "") != IdentityOf(table)) is { } other)
            throw Replaced(other);
        if (!_lacking.IsEmpty)
            await LookAsync((await progress.LoadAsync(cancellationToken)).Tables, cancellationToken);
        else
            Tell();
    }

    /// <summary>Looks which tables are filled by now: behind Kafka other processors have their share in it.</summary>
    private async Task LookAsync(IReadOnlyDictionary<string, string> known, CancellationToken cancellationToken)
    {
        foreach (var table in model.Tables.Where(table => _lacking.ContainsKey(table.Source)))
        {
            if (known.GetValueOrDefault(table.Landing) != IdentityOf(table))
            {
                var partitions = Enumerable.Range(0, _ordered ? 0 : status.Partitions).ToList();
                if (partitions.Count == 0 || !partitions.TrueForAll(partition => IsFilled(table, partition)))
                    continue;

                await progress.SaveAsync([], [(table.Landing, IdentityOf(table))], cancellationToken);
            }
            _lacking.TryRemove(table.Source, out _);
        }
        Tell();

        bool IsFilled(TableMapping table, int partition) => known.GetValueOrDefault(NameOf(table, partition)) == IdentityOf(table);
    }

    /// <summary>What helps a table that is another than was filled; null where this processor has to have it copied first.</summary>
    private string? CureOf(TableMapping table, string recorded, Progress known)
    {
        if (recorded == IdentityOf(table) + Copying)
            return CopiedByItself;
        if (!_ordered)
            return $"ask the connector to copy it (CdcProcessor resync {table.Source}), once more if it stays in doubt after that; with " +
                "Redpanda Connect start the tables anew, as redpanda-connect/README.md tells.";
        return options.IsCopiedByHand(table) && known.IsCopied(table)
            ? $"it is among Cdc:CopyByHand: run 'CdcProcessor resync {table.Source}'."
            : null;
    }

    private string IdentityOf(TableMapping table) => _identities.GetValueOrDefault(table.Landing, "");

    private string NameOf(TableMapping table, int partition) =>
        _ordered ? table.Landing : string.Create(CultureInfo.InvariantCulture, $"{table.Landing}\t{partition}");

    private void Tell() => status.Doubts.Tell(Watch, [.. _lacking.Select(table => (
        table.Key, $"lacks what came before: {model.Table(table.Key).Landing} is another table in ClickHouse than the one that was filled",
        table.Value))]);

    private static NotReadyException Replaced(TableMapping table) =>
        new($"{table.Landing} is another table in ClickHouse than it was: {table.Source} lacks what came before.");

    [LoggerMessage(EventId = 34, Level = LogLevel.Warning,
        Message = "{Landing} is another table in ClickHouse than the one that was filled: {Table} is copied anew")]
    private partial void LogOther(string landing, string table);
}
