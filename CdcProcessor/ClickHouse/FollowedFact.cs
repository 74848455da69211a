using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// One fact as the small batches of one ordered reader change it. The rows that these have brought, and what was read of those that they
/// point to, are known until something comes that this cannot follow. So a lone commit's fact is written with all of its values, and
/// ClickHouse, which takes longer to plan a join than to insert a row, only computes its expressions.
/// </summary>
internal sealed class FollowedFact
{
    /// <summary>What may stand in one statement, where each byte takes two characters (max_query_size is 262,144).</summary>
    private const int StatementBytes = 64 * 1024;

    /// <summary>So many rows of a part are known; beyond, it begins anew.</summary>
    private const int MostKnown = 4096;

    private readonly ClickHouseClient _client;
    private readonly FactTable _fact;
    private readonly FactPart _root;
    private readonly IReadOnlyList<FactPart> _parts;
    private readonly IReadOnlyList<IReadOnlyList<FactPart>> _levels;
    private readonly Dictionary<FactPart, Dictionary<string, PartRow>> _known;
    private readonly string _structure;
    private bool? _isPossible;

    public FollowedFact(ClickHouseClient client, FactTable fact)
    {
        _client = client;
        _fact = fact;
        _root = new FactPart(fact);
        var parents = fact.Mapping.Parents.ToDictionary(parent => parent.Alias, parent => new FactPart(fact, parent));
        _parts = [_root, .. parents.Values];
        _levels = [.. PartVersions.LevelsOf(fact.Mapping).Skip(1)
            .Select(IReadOnlyList<FactPart> (level) => [.. level.Select(alias => parents[alias])])];
        _known = parents.Values.ToDictionary(part => part, _ => new Dictionary<string, PartRow>());
        _structure = string.Join(", ", _parts.SelectMany(part => part.Structure).Append("lsn UInt64"));
    }

    /// <summary>Knows nothing any more.</summary>
    public void Forget()
    {
        foreach (var rows in _known.Values)
            rows.Clear();
    }

    /// <summary>Takes what a batch has brought, whether this fact's roots are among it or not.</summary>
    /// <returns>The roots, for <see cref="TryPutAsync"/>; null if one of the rows cannot be kept.</returns>
    public IReadOnlyCollection<PartRow>? Take(LandingRows batch)
    {
        foreach (var rows in _known.Values.Where(rows => rows.Count > MostKnown))
            rows.Clear();
        var roots = new Dictionary<string, PartRow>();
        foreach (var brought in batch.Brought())
        {
            foreach (var part in _parts.Where(part => part.Table.Source == brought.Relation.Table.Source))
            {
                if (part.Of(batch, brought) is not { } row)
                {
                    Forget();
                    return null;
                }
                (part == _root ? roots : _known[part])[batch.KeyOf(brought)] = row;
            }
        }
        return roots.Values;
    }

    /// <summary>Writes the facts of the roots that a batch has brought, while it lands.</summary>
    /// <returns>False if they have to be derived from what has landed.</returns>
    public async Task<bool> TryPutAsync(IReadOnlyCollection<PartRow> roots, UInt128 position, CancellationToken cancellationToken)
    {
        _isPossible ??= _parts.All(part => part.IsPossible) && await IsUnderstoodAsync(cancellationToken);
        if (_isPossible == false)
            return false;

        var facts = roots.Select(root => new Dictionary<string, PartRow> { [FactMapping.RootAlias] = root }).ToList();
        foreach (var level in _levels)
        {
            if ((await Task.WhenAll(level.Select(part => TryReadAsync(part, facts, cancellationToken)))).Contains(false))
                return false;
            foreach (var part in level)
                facts.ForEach(fact => fact[part.Alias] = KeyOf(part, fact) is { } key ? _known[part][key] : part.MissingRow);
        }

        using var shown = new RowBuffer();
        using var hidden = new RowBuffer();
        foreach (var fact in facts)
            Write(fact, _parts.All(part => part.Parent is { IsOptional: true } || fact[part.Alias].IsThere) ? shown : hidden);
        if (Math.Max(shown.Length, hidden.Length) > StatementBytes)
            return false;

        await Task.WhenAll(
            shown.Rows > 0 ? _client.ExecuteAsync(_fact.Put(Rows(shown), position), cancellationToken) : Task.CompletedTask,
            hidden.Rows > 0 ? _client.ExecuteAsync(_fact.Bury(Rows(hidden), position), cancellationToken) : Task.CompletedTask);
        return true;
    }

    /// <summary>Whether ClickHouse gives the columns the same types as when it derives them from the tables.</summary>
    private async Task<bool> IsUnderstoodAsync(CancellationToken cancellationToken)
    {
        try
        {
            var types = await _client.QueryAsync(_fact.DescribePut($"null({ClickHouseSql.Quote(_structure)})"), cancellationToken);
            return types.Zip(_fact.Mapping.Columns).All(pair => Facts.Plain(pair.First[1]!) == Facts.Plain(pair.Second.Type.Name));
        }
        catch (ClickHouseException)
        {
            return false;
        }
    }

    /// <summary>Reads of a part what is not known; false if a row is too large to be kept.</summary>
    private async Task<bool> TryReadAsync(FactPart part, List<Dictionary<string, PartRow>> facts, CancellationToken cancellationToken)
    {
        var known = _known[part];
        var missing = facts.Select(fact => KeyOf(part, fact)).OfType<string>().Where(key => !known.ContainsKey(key)).ToHashSet();
        using var keys = KeySet.Of(part.Table, missing.Select(key => KeyText.Split(part.Table, key)).OfType<IReadOnlyList<string>>());
        var (set, beside) = keys.In("keys");
        var rest = keys.IsEmpty ? default
            : await _client.ReadAsync(part.Read(set), beside is null ? [] : [beside], cancellationToken);
        foreach (var key in missing)
            known[key] = part.MissingRow;
        var isWhole = true;
        while (!rest.IsEmpty)
        {
            var (key, row) = part.Take(ref rest);
            if (row is null)
                known.Remove(key);
            else
                known[key] = row;
            isWhole &= row is not null;
        }
        return isWhole;
    }

    private static string? KeyOf(FactPart part, Dictionary<string, PartRow> fact) =>
        fact[part.Parent!.Child].Pointers.GetValueOrDefault(part.Alias);

    private void Write(Dictionary<string, PartRow> fact, RowBuffer rows)
    {
        foreach (var part in _parts)
        {
            var bytes = fact[part.Alias].Bytes;
            bytes.CopyTo(rows.GetSpan(bytes.Length));
            rows.Advance(bytes.Length);
        }
        RowBinary.WriteUInt64(rows, fact.Values.Max(row => row.Lsn));
        rows.Rows++;
    }

    private string Rows(RowBuffer rows) =>
        $"format(RowBinary, {ClickHouseSql.Quote(_structure)}, unhex('{Convert.ToHexString(rows.WrittenRows.Span)}'))";
}
