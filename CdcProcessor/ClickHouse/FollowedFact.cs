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
    private readonly IReadOnlyList<IReadOnlyList<FactPart>> _levels;
    private readonly Dictionary<FactPart, Dictionary<string, PartRow>> _known;
    private readonly Dictionary<string, PartRow> _roots = [];
    private readonly string _structure;
    private bool? _isPossible;
    private bool _isTaken;

    public FollowedFact(ClickHouseClient client, StarModel model, FactTable fact)
    {
        _client = client;
        _fact = fact;
        var tables = fact.Mapping.Parents.ToDictionary(parent => parent.Alias, parent => model.Table(parent.Table));
        _root = new FactPart(fact, FactMapping.RootAlias, fact.RootTable, null, tables);
        var parts = fact.Mapping.Parents.ToDictionary(
            parent => parent.Alias, parent => new FactPart(fact, parent.Alias, tables[parent.Alias], parent, tables));
        _levels = [.. PartVersions.LevelsOf(fact.Mapping).Skip(1)
            .Select(IReadOnlyList<FactPart> (level) => [.. level.Select(alias => parts[alias])])];
        _known = parts.Values.ToDictionary(part => part, _ => new Dictionary<string, PartRow>());
        _structure = string.Join(", ", Parts.SelectMany(part => part.Structure).Append("lsn UInt64"));
    }

    private IEnumerable<FactPart> Parts => _known.Keys.Prepend(_root);

    /// <summary>Knows nothing any more.</summary>
    public void Forget()
    {
        foreach (var rows in _known.Values)
            rows.Clear();
    }

    /// <summary>Takes what a batch has brought, whether this fact's roots are among it or not.</summary>
    public void Take(LandingRows batch)
    {
        _roots.Clear();
        _isTaken = true;
        foreach (var rows in _known.Values.Where(rows => rows.Count > MostKnown))
            rows.Clear();
        foreach (var brought in batch.Brought())
        {
            foreach (var part in Parts.Where(part => part.Table.Source == brought.Relation.Table.Source))
            {
                var rows = part == _root ? _roots : _known[part];
                if (part.Of(batch, brought) is { } row)
                    rows[batch.KeyOf(brought)] = row;
                else
                    _isTaken = false;
            }
        }
        if (!_isTaken)
            Forget();
    }

    /// <summary>Writes the facts of the roots that the batch has brought, while it lands.</summary>
    /// <returns>False if they have to be derived from what has landed.</returns>
    public async Task<bool> TryPutAsync(UInt128 position, CancellationToken cancellationToken)
    {
        _isPossible ??= Parts.All(part => part.IsPossible) && await IsUnderstoodAsync(position, cancellationToken);
        if (_isPossible == false || !_isTaken)
            return false;

        var facts = _roots.Values.Select(root => new Dictionary<string, PartRow> { [FactMapping.RootAlias] = root }).ToList();
        foreach (var level in _levels)
        {
            if ((await Task.WhenAll(level.Select(part => ReadAsync(part, facts, cancellationToken)))).Contains(false))
                return false;
            foreach (var part in level)
                foreach (var fact in facts)
                    fact[part.Alias] = Find(part, fact) ?? part.MissingRow;
        }

        using var shown = new RowBuffer();
        using var hidden = new RowBuffer();
        foreach (var fact in facts)
            Write(fact, Parts.All(part => part.Parent is { IsOptional: true } || fact[part.Alias].IsThere) ? shown : hidden);
        if (Math.Max(shown.Length, hidden.Length) > StatementBytes)
            return false;

        await Task.WhenAll(PutAsync(shown, isShown: true), PutAsync(hidden, isShown: false));
        return true;

        Task PutAsync(RowBuffer rows, bool isShown) => rows.Rows == 0 ? Task.CompletedTask : _client.ExecuteAsync(
            _fact.Put(Rows(rows), isShown, position), cancellationToken);
    }

    /// <summary>Whether ClickHouse gives the columns the same types as when it derives them from the tables.</summary>
    private async Task<bool> IsUnderstoodAsync(UInt128 position, CancellationToken cancellationToken)
    {
        try
        {
            var derived = await _client.QueryAsync(_fact.Describe, cancellationToken);
            var finished = await _client.QueryAsync(
                _fact.DescribePut($"null({ClickHouseSql.Quote(_structure)})", position), cancellationToken);
            return derived.Select(column => Facts.Plain(column[1]!)).SequenceEqual(finished.Select(column => Facts.Plain(column[1]!)));
        }
        catch (ClickHouseException)
        {
            return false;
        }
    }

    /// <summary>Reads of a part what is not known; false if a row is too large to be kept.</summary>
    private async Task<bool> ReadAsync(FactPart part, List<Dictionary<string, PartRow>> facts, CancellationToken cancellationToken)
    {
        var known = _known[part];
        var missing = facts.Select(fact => KeyOf(part, fact)).OfType<string>().Where(key => !known.ContainsKey(key)).ToHashSet();
        if (missing.Count == 0)
            return true;

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

    private PartRow? Find(FactPart part, Dictionary<string, PartRow> fact) =>
        KeyOf(part, fact) is { } key ? _known[part].GetValueOrDefault(key) : null;

    private static string? KeyOf(FactPart part, Dictionary<string, PartRow> fact) =>
        fact[part.Parent!.Child].Pointers.GetValueOrDefault(part.Alias);

    private void Write(Dictionary<string, PartRow> fact, RowBuffer rows)
    {
        foreach (var part in Parts)
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
