using System.Buffers;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// One fact as the small batches of one ordered reader change it. The rows that these have brought, and what was read of those that they
/// point to, are known until something comes that this cannot follow. So a lone commit's fact is written with all of its values, and
/// ClickHouse, which takes longer to plan a join than to insert a row, only computes its expressions; a fact that has none is inserted.
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

    /// <summary>Where the value of each of the fact's columns stands; null if one of them is computed, or cast.</summary>
    private readonly IReadOnlyList<(string Alias, int Place)>? _finished;
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
        var places = fact.Mapping.Columns.Select(column => fact.ColumnOf(column.Expression) is var (alias, name)
            && _parts.First(part => part.Alias == alias).PlaceOf(name, column.Type) is { } place ? (alias, place) : default).ToList();
        _finished = places.Contains(default) ? null : places;
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

    /// <summary>Writes the facts of the roots that a batch has brought, whether it has landed or not.</summary>
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

        var shown = facts.ToLookup(fact => _parts.All(part => part.Parent is { IsOptional: true } || fact[part.Alias].IsThere));
        using var put = _finished is null ? Parts(shown[true]) : Finished(shown[true], position);
        using var bury = Parts(shown[false]);
        if (bury.Length > StatementBytes || (_finished is null && put.Length > StatementBytes))
            return false;

        await Task.WhenAll(
            put.Rows == 0 ? Task.CompletedTask
                : _finished is null ? _client.ExecuteAsync(_fact.Put(Rows(put), position), cancellationToken)
                : _client.InsertAsync(_fact.InsertFinished, LandingRows.Format, put.Written, cancellationToken),
            bury.Rows == 0 ? Task.CompletedTask : _client.ExecuteAsync(_fact.Bury(Rows(bury), position), cancellationToken));
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

    /// <summary>Reads of a part what is not known; false if that has to be left to ClickHouse.</summary>
    private async Task<bool> TryReadAsync(FactPart part, List<Dictionary<string, PartRow>> facts, CancellationToken cancellationToken)
    {
        var known = _known[part];
        var missing = facts.Select(fact => KeyOf(part, fact)).OfType<string>().Where(key => !known.ContainsKey(key)).ToHashSet();
        if (missing.Count == 0)
            return true;
        if (await ReadAsync(part, missing, cancellationToken) is not { } newest)
            return false;

        var isWhole = true;
        foreach (var key in missing)
        {
            if (!newest.TryGetValue(part.KeyOf(key), out var read))
                known[key] = part.MissingRow;
            else if (read.Row is { } row)
                known[key] = row;
            else
                isWhole = false;
        }
        return isWhole;
    }

    /// <summary>
    /// The newest row of each key that has one, null if it is too large, by <see cref="FactPart.KeyOf"/>; null if all are together, or a
    /// column has another type by now.
    /// </summary>
    private async Task<Dictionary<string, (UInt128 Version, PartRow? Row)>?> ReadAsync(
        FactPart part, HashSet<string> missing, CancellationToken cancellationToken)
    {
        var newest = new Dictionary<string, (UInt128 Version, PartRow? Row)>();
        using var keys = KeySet.Of(part.Table, missing.Select(key => KeyText.Split(part.Table, key)).OfType<IReadOnlyList<string>>());
        if (keys.IsEmpty)
            return newest;

        ReadOnlyMemory<byte> answer;
        var (set, beside) = keys.In("keys");
        try
        {
            answer = await _client.ReadAsync(
                part.Read(set), LandingRows.Format, beside is null ? [] : [beside], cancellationToken);
        }
        catch (ClickHouseException e) when (e.Code == ClickHouseException.TooLongAnAnswer)
        {
            return null;
        }

        if (part.RowsOf(answer) is not { } rest)
            return null;
        while (!rest.IsEmpty)
        {
            var (key, version, row) = part.Take(ref rest);
            if (!newest.TryGetValue(key, out var other) || version > other.Version)
                newest[key] = (version, row);
        }
        return newest;
    }

    private static string? KeyOf(FactPart part, Dictionary<string, PartRow> fact) =>
        fact[part.Parent!.Child].Pointers.GetValueOrDefault(part.Alias);

    /// <summary>The rows of facts, for ClickHouse to compute their columns.</summary>
    private RowBuffer Parts(IEnumerable<Dictionary<string, PartRow>> facts)
    {
        var rows = new RowBuffer();
        foreach (var fact in facts)
        {
            foreach (var value in _parts.SelectMany(part => fact[part.Alias].Values))
                rows.Write(value.Span);
            RowBinary.WriteUInt64(rows, LsnOf(fact));
            rows.Rows++;
        }
        return rows;
    }

    /// <summary>Facts as they stand in their table.</summary>
    private RowBuffer Finished(IEnumerable<Dictionary<string, PartRow>> facts, UInt128 position)
    {
        var rows = new RowBuffer(_fact.Header());
        foreach (var fact in facts)
        {
            foreach (var (alias, place) in _finished!)
                rows.Write(fact[alias].Values[place].Span);
            RowBinary.WriteUInt8(rows, 0);
            RowBinary.WriteUInt64(rows, LsnOf(fact));
            RowBinary.WriteUInt128(rows, position);
            RowBinary.WriteUInt128(rows, 0); // the upper half of a UInt256
            rows.Rows++;
        }
        return rows;
    }

    private static ulong LsnOf(Dictionary<string, PartRow> fact) => fact.Values.Max(row => row.Lsn);

    private string Rows(RowBuffer rows) =>
        $"format(RowBinary, {ClickHouseSql.Quote(_structure)}, unhex('{Convert.ToHexString(rows.WrittenRows.Span)}'))";
}
