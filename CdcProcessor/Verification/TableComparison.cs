using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Postgres;

namespace AspireCdc.CdcProcessor.Verification;

/// <summary>
/// Compares one table, a page of keys at a time: neither side holds anything open meanwhile, and no page stays in memory.
/// </summary>
internal sealed class TableComparison(
    ComparedTable compared, IExpectedRows expected, ShownRows actual, StreamPosition stream, RowPace pace,
    Func<ComparedReport, Task> report)
{
    private const int PageRows = 20_000;

    /// <summary>
    /// So many rows that seem to differ are looked at together, and brought once more by one message: they come at once, so no more of them
    /// than a page has bytes.
    /// </summary>
    private const int CandidatesAtOnce = 500;

    /// <summary>Beyond that the table has to be copied anew.</summary>
    private const int MostDifferences = 10_000;

    private readonly Confirmation _confirmation = new(expected, actual, stream);
    private readonly List<Candidate> _candidates = [];

    /// <summary>Compares the table from where it has come to.</summary>
    /// <param name="state">What is known of it.</param>
    /// <param name="excused">Finds the keys whose row is known to be kept back.</param>
    /// <param name="repairs">Bring rows that differ once more.</param>
    /// <param name="cancellationToken">Ends it; the last report tells where to go on.</param>
    public async Task<ComparedReport> RunAsync(ComparedReport state, ExcusedKeys excused, bool repairs, CancellationToken cancellationToken)
    {
        if (state.Reached is not { IsSurplus: true })
            state = await ForwardAsync(state, excused, repairs, cancellationToken);
        if (!HasRanges && state.Differences < MostDifferences)
            state = await SurplusAsync(state, excused, repairs, cancellationToken);
        return state with { State = state.Differences == 0 ? "equal" : "different", Reached = null };
    }

    private bool HasRanges => expected is DerivedRows || compared.HasCommonOrder;

    /// <summary>
    /// In the right side's order: what is missing or has other values; and what is too much, where both sides have the same order.
    /// </summary>
    private async Task<ComparedReport> ForwardAsync(
        ComparedReport state, ExcusedKeys excused, bool repairs, CancellationToken cancellationToken)
    {
        var after = state.Reached?.Key;
        do
        {
            var page = await expected.ReadAsync(after, PageRows, cancellationToken);
            await ComparePageAsync(page, after, cancellationToken);
            after = page.Last;
            state = state with { Rows = state.Rows + page.Rows.Count };
            state = await NextAsync(state, after is null ? null : new ComparedTo(false, after), page.Rows.Count, excused, repairs,
                cancellationToken);
        }
        while (after is not null && state.Differences < MostDifferences);
        return state;
    }

    private async Task ComparePageAsync(RowPage page, IReadOnlyList<string>? after, CancellationToken cancellationToken)
    {
        if (HasRanges)
        {
            var condition = actual.Between(after, page.Last);
            if (await actual.AreAsync(condition, page.Rows, cancellationToken))
                return;
            Compare(page, await actual.ReadAsync(condition, page.Rows.Count + MostDifferences, cancellationToken));
            return;
        }
        Compare(page, await actual.FindAsync([.. Enumerable.Range(0, page.Rows.Count).Select(page.KeyOf)], cancellationToken));
    }

    private void Compare(RowPage page, Dictionary<string, (IReadOnlyList<string> Key, byte[] Row)> shown)
    {
        for (var i = 0; i < page.Rows.Count; i++)
        {
            var key = page.KeyOf(i);
            if (!shown.Remove(KeyText.Join(key), out var found) || page.Rows[i] is not { } row || !row.Span.SequenceEqual(found.Row))
                _candidates.Add(new(key, Math.Max(page.Rows[i]?.Length ?? 0, found.Row?.Length ?? 0)));
        }
        _candidates.AddRange(shown.Values.Select(surplus => new Candidate(surplus.Key, surplus.Row.Length)));
    }

    /// <summary>In ClickHouse's order of keys: what PostgreSQL has not.</summary>
    private async Task<ComparedReport> SurplusAsync(
        ComparedReport state, ExcusedKeys excused, bool repairs, CancellationToken cancellationToken)
    {
        var after = state.Reached is { IsSurplus: true } reached ? reached.Key : null;
        while (true)
        {
            var keys = await actual.KeysAsync(after, PageRows, cancellationToken);
            var found = await expected.FindAsync(keys, cancellationToken);
            _candidates.AddRange(keys.Where(key => !found.ContainsKey(KeyText.Join(key))).Select(key => new Candidate(key, 0)));
            after = keys.Count < PageRows ? null : keys[^1];
            state = await NextAsync(state, after is null ? null : new ComparedTo(true, after), keys.Count, excused, repairs,
                cancellationToken);
            if (after is null || state.Differences >= MostDifferences)
                return state;
        }
    }

    /// <summary>After each page: looks again at what seemed to differ, tells how far it is, and rests.</summary>
    private async Task<ComparedReport> NextAsync(
        ComparedReport state, ComparedTo? reached, int rows, ExcusedKeys excused, bool repairs, CancellationToken cancellationToken)
    {
        if (_candidates.Count >= CandidatesAtOnce || reached is null)
        {
            foreach (var some in _candidates.InPortions(CandidatesAtOnce, PostgresRows.PageBytes, candidate => candidate.Bytes))
            {
                state = await SettleAsync(state, [.. some.Select(candidate => candidate.Key)], excused, repairs, cancellationToken);
                if (state.Differences >= MostDifferences)
                    break;
            }
            _candidates.Clear();
        }
        // What is not looked at again yet has to be found again after an interruption.
        if (_candidates.Count == 0)
            state = state with { Reached = reached };
        await report(state);
        await pace.RestAsync(rows, cancellationToken);
        return state;
    }

    private async Task<ComparedReport> SettleAsync(
        ComparedReport state, IReadOnlyList<string>[] candidates, ExcusedKeys excused, bool repairs, CancellationToken cancellationToken)
    {
        var confirmed = await _confirmation.RunAsync(candidates, cancellationToken);
        var known = confirmed.Differences.Count == 0 ? [] : await excused(
            [.. confirmed.Differences.Select(difference => difference.Key)], cancellationToken);
        var differences = confirmed.Differences.Where(difference => !known.Contains(KeyText.Join(difference.Key))).ToList();
        var stay = differences.ConvertAll(difference => difference.Key);
        var undecided = confirmed.Undecided + confirmed.Differences.Count - differences.Count;
        if (repairs && differences.Count > 0)
        {
            await stream.PassAsync(differences.Select(difference => new Marker(compared.Root.Source, 0, difference.Key, Repair: true)),
                cancellationToken);
            stay = [.. (await _confirmation.RunAsync(stay, cancellationToken)).Differences.Select(difference => difference.Key)];
        }

        var left = stay.Select(KeyText.Join).ToHashSet();
        var keys = differences.Select(difference => (Text: KeyText.Join(difference.Key), difference.What));
        return state with
        {
            Differences = state.Differences + left.Count,
            Repaired = state.Repaired + differences.Count - left.Count,
            Undecided = state.Undecided + undecided,
            Keys = [.. state.Keys.Concat(keys.Select(key => new KeyReport(key.Text, key.What, !left.Contains(key.Text))))
                .Take(ComparedReport.MostKeys)],
            Note = state.Differences + left.Count < MostDifferences
                ? state.Note
                : $"It has {MostDifferences} differences and more, and was not compared further: 'CdcProcessor resync " +
                    $"{compared.Root.Source}' copies it anew.",
        };
    }
}

/// <summary>A row that seems to differ.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Bytes">How large it is, in the database where it is larger; 0 where only its key is known.</param>
internal readonly record struct Candidate(IReadOnlyList<string> Key, long Bytes);

/// <summary>Those of some keys whose row waits as a dead letter, or is made of one that does, by <see cref="KeyText.Join"/>.</summary>
internal delegate Task<HashSet<string>> ExcusedKeys(IReadOnlyList<IReadOnlyList<string>> keys, CancellationToken cancellationToken);
