using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// Which landing tables there are. What came to a former one is not in the one that has its name now, whoever restored, exchanged or made
/// it anew: it is copied, or is in doubt until somebody has it copied.
/// </summary>
internal sealed partial class LandedTables(
    ClickHouseClient client, StarModel model, ProgressTable progress, CdcOptions options, TableDoubts doubts, ILogger<ClickHouseSink> logger)
{
    /// <summary>The name of this watch, where doubts are told.</summary>
    private const string Watch = "landing";

    private IReadOnlyDictionary<string, string> _identities = new Dictionary<string, string>();
    private readonly HashSet<TableMapping> _begun = [];
    private List<TableMapping> _others = [];

    /// <summary>Has each table copied whose landing table is another than was recorded: whoever reads the progress does it.</summary>
    /// <returns>The progress with these copies.</returns>
    public async Task<Progress> RequestCopiesAsync(Progress known, CancellationToken cancellationToken)
    {
        await FindOthersAsync(known, cancellationToken);
        // A copy that somebody has asked for already begins anew: what it has brought went to the former table.
        _others.RemoveAll(table => options.IsCopiedByHand(table)
            && !known.Copies.Any(copy => copy.Table == table.Source && copy.State is CopyState.Requested or CopyState.Copying));
        if (_others.Count == 0)
            return known;

        foreach (var table in _others)
        {
            // One that is withheld is copied in any case, once its source is as it must be.
            if (known.Copies.All(copy => copy.Table != table.Source || copy.State != CopyState.Withheld))
                await progress.SaveAsync(new TableCopy(table.Source, CopyState.Requested, 0, table.Fingerprint), cancellationToken);
            LogOther(table.Landing, table.Source);
        }
        await RecordAsync(_others, cancellationToken);
        return await progress.LoadAsync(cancellationToken);
    }

    /// <summary>Records the tables that are filled from now on, and tells of those that somebody has to have copied.</summary>
    /// <param name="known">What is recorded.</param>
    /// <param name="ordered">Whether this processor could copy one itself: what was filled from Kafka, only whoever writes the topic can.
    /// </param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="NotReadyException">A table was replaced just now.</exception>
    public async Task BeginAsync(Progress known, bool ordered, CancellationToken cancellationToken)
    {
        await FindOthersAsync(known, cancellationToken);
        if (_others.Find(table => ordered && !options.IsCopiedByHand(table)) is { } other)
            throw Replaced(other);

        Tell(ordered ? "it is among Cdc:CopyByHand" : "ask the connector to copy it");
        await RecordAsync([.. model.Tables.Where(table => !known.Tables.ContainsKey(table.Landing))], cancellationToken);
    }

    /// <summary>A copy begins, all of whose rows come to the table that there is now.</summary>
    public void CopyBegins(TableMapping table) => _begun.Add(table);

    /// <summary>A copy has ended.</summary>
    public async Task CopiedAsync(TableMapping table, CancellationToken cancellationToken)
    {
        if (!_begun.Contains(table) || !_others.Remove(table))
            return;

        await RecordAsync([table], cancellationToken);
        Tell("");
    }

    /// <summary>Says if one is another than at the start.</summary>
    /// <exception cref="NotReadyException">It is.</exception>
    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        var found = await TableIdentities.ReadAsync(client, cancellationToken);
        if (model.Tables.FirstOrDefault(table => IsAnother(table, found)) is { } other)
            throw Replaced(other);
    }

    private async Task FindOthersAsync(Progress known, CancellationToken cancellationToken)
    {
        _identities = await TableIdentities.ReadAsync(client, cancellationToken);
        _others = [.. model.Tables.Where(table => known.Tables.ContainsKey(table.Landing) && IsAnother(table, known.Tables))];
    }

    private bool IsAnother(TableMapping table, IReadOnlyDictionary<string, string> identities) =>
        identities.GetValueOrDefault(table.Landing) != _identities.GetValueOrDefault(table.Landing);

    private Task RecordAsync(IReadOnlyCollection<TableMapping> tables, CancellationToken cancellationToken) => progress.SaveTablesAsync(
        [.. tables.Select(table => (table.Landing, _identities.GetValueOrDefault(table.Landing, "")))], cancellationToken);

    private void Tell(string why) => doubts.Tell(Watch, [.. _others.Select(table => (
        table.Source, $"lacks what came before: {table.Landing} is another table in ClickHouse than the one that was filled",
        $"{why}: CdcProcessor resync {table.Source}."))]);

    private static NotReadyException Replaced(TableMapping table) =>
        new($"{table.Landing} is another table in ClickHouse than it was: {table.Source} has to be copied.");

    [LoggerMessage(EventId = 34, Level = LogLevel.Warning,
        Message = "{Landing} is another table in ClickHouse than the one that was filled: {Table} is copied anew")]
    private partial void LogOther(string landing, string table);
}
