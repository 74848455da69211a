using AspireCdc.Star.Model;
using AspireCdc.Star.Statements;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// Which companions and views there are. What landed while one of them was away is found by nobody: one that is another than was recorded
/// is filled from the landing table, and the facts that are found by it are derived whole, since a parent may have changed meanwhile.
/// </summary>
internal sealed class CompanionViews(ClickHouseClient client, StarModel model, ProgressTable progress)
{
    private IReadOnlyDictionary<string, string> _known = new Dictionary<string, string>();

    /// <summary>Fills what is another than was recorded.</summary>
    /// <param name="tables">The identities of the database's tables.</param>
    /// <param name="recorded">What was recorded, by the companion's name.</param>
    /// <param name="cancellationToken">Ends it; the next start begins anew.</param>
    public async Task FillAsync(
        IReadOnlyDictionary<string, string> tables, IReadOnlyDictionary<string, string> recorded, CancellationToken cancellationToken)
    {
        _known = IdentitiesIn(tables);
        foreach (var table in model.Tables)
        {
            var others = table.Companions.Where(known => recorded.GetValueOrDefault(known.Name) != _known.GetValueOrDefault(known.Name));
            foreach (var companion in others)
            {
                await client.ExecuteAsync(TableStatements.FillCompanion(table, companion), cancellationToken);
                await client.SyncAsync(cancellationToken);
                if (recorded.ContainsKey(companion.Name))
                {
                    foreach (var fact in model.Facts.Where(fact => fact.Parents.Any(parent => parent.Companion == companion.Name)))
                        await progress.ForgetAsync(fact, cancellationToken);
                }
                await progress.SaveAsync(companion, _known[companion.Name], cancellationToken);
            }
        }
    }

    /// <summary>Says if one is another than at the start.</summary>
    /// <exception cref="NotReadyException">It is; the next start fills it.</exception>
    public void Check(IReadOnlyDictionary<string, string> tables)
    {
        foreach (var (name, identity) in IdentitiesIn(tables))
        {
            if (_known.GetValueOrDefault(name) != identity)
                throw new NotReadyException($"{name} or its view was made anew in ClickHouse: it is filled with what landed meanwhile.");
        }
    }

    private Dictionary<string, string> IdentitiesIn(IReadOnlyDictionary<string, string> tables) =>
        model.Tables.SelectMany(table => table.Companions)
            .Where(companion => tables.ContainsKey(companion.Name) && tables.ContainsKey(companion.View))
            .ToDictionary(companion => companion.Name, companion => $"{tables[companion.Name]} {tables[companion.View]}");
}
