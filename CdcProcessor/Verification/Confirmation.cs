using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;

namespace AspireCdc.CdcProcessor.Verification;

/// <summary>
/// Tells what differs from what was merely on its way. A key counts if two looks in a row find the same row on the right side and the same
/// row, of the same version, in ClickHouse, and these two differ; each time the stream has passed the right side's look before ClickHouse
/// is read, and all that was committed can be seen before the right side is read.
/// </summary>
/// <remarks>
/// A ClickHouse that follows cannot look like that: what it shows was true after the first look, so the second look must have seen it, or
/// what came after it, which would have another version.
/// </remarks>
internal sealed class Confirmation(IExpectedRows expected, ShownRows actual, StreamPosition stream)
{
    /// <summary>A key that changes faster than it can be looked at twice is let go.</summary>
    private const int Looks = 4;

    /// <summary>Looks again at keys that seemed to differ.</summary>
    public async Task<ConfirmedKeys> RunAsync(IReadOnlyCollection<IReadOnlyList<string>> candidates, CancellationToken cancellationToken)
    {
        var open = candidates.ToDictionary(KeyText.Join);
        var before = new Dictionary<string, Look>();
        var differences = new List<Difference>();
        for (var look = 0; look < Looks && open.Count > 0; look++)
        {
            if (!await stream.SeeAsync(cancellationToken))
                break;
            var right = await expected.FindAsync(open.Values, cancellationToken);
            await stream.PassAsync(cancellationToken);
            var versions = await actual.VersionsAsync(open.Values, cancellationToken);
            var shown = await actual.FindAsync(open.Values, cancellationToken);
            foreach (var (text, key) in open.ToList())
            {
                var there = right.TryGetValue(text, out var row);
                var now = new Look(there, row, shown.TryGetValue(text, out var found) ? found.Row : null,
                    versions.GetValueOrDefault(text, ""));
                if (now.IsEqual)
                    open.Remove(text);
                else if (before.TryGetValue(text, out var last) && last.Equals(now))
                {
                    differences.Add(new Difference(key, now.What));
                    open.Remove(text);
                }
                before[text] = now;
            }
        }
        return new ConfirmedKeys(differences, open.Count);
    }

    /// <summary>What one look has found of a key.</summary>
    /// <param name="IsThere">The right side has a row.</param>
    /// <param name="Right">That row; null where ClickHouse's types cannot hold it.</param>
    /// <param name="Shown">ClickHouse's row; null where it shows none.</param>
    /// <param name="Version">The version of ClickHouse's newest row.</param>
    private sealed record Look(bool IsThere, byte[]? Right, byte[]? Shown, string Version)
    {
        public bool IsEqual => IsThere ? Right is not null && Shown is not null && Right.AsSpan().SequenceEqual(Shown) : Shown is null;

        public string What => this switch
        {
            { IsThere: false } => "there should be no such row",
            { Right: null } => "ClickHouse's types cannot hold the row",
            { Shown: null } => "the row is missing",
            _ => "its values differ",
        };

        public bool Equals(Look? other) =>
            other is not null && IsThere == other.IsThere && Version == other.Version && Same(Right, other.Right)
            && Same(Shown, other.Shown);

        public override int GetHashCode() => Version.GetHashCode(StringComparison.Ordinal);

        private static bool Same(byte[]? one, byte[]? other) =>
            one is null ? other is null : other is not null && one.AsSpan().SequenceEqual(other);
    }
}

/// <summary>A key whose row differs.</summary>
/// <param name="Key">Its values.</param>
/// <param name="What">How, as a clause without the values.</param>
internal sealed record Difference(IReadOnlyList<string> Key, string What);

/// <summary>What was found of some keys.</summary>
/// <param name="Differences">Those that differ.</param>
/// <param name="Undecided">How many changed all the time, or were held up by a transaction that stays open.</param>
internal sealed record ConfirmedKeys(IReadOnlyList<Difference> Differences, int Undecided);
