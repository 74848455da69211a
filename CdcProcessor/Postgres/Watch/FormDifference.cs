using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.Postgres.Watch;

/// <summary>Something of a table that is otherwise than it was when the table was copied, and has no event in the stream.</summary>
/// <param name="What">A sentence's end, after the table's name.</param>
/// <param name="IsCertain">Rows differ, or changes were lost: only a copy mends that. Otherwise it is possible.</param>
internal sealed record FormDifference(string What, bool IsCertain)
{
    /// <summary>All that differs.</summary>
    /// <param name="table">The table.</param>
    /// <param name="then">As of its copy.</param>
    /// <param name="now">As it is.</param>
    /// <param name="isEmpty">Whether the partition of this OID holds nothing.</param>
    /// <param name="isExplained">The stream has brought what gave the table its present file: TRUNCATE.</param>
    public static IReadOnlyList<FormDifference> Between(
        TableMapping table, TableForm then, TableForm now, Func<uint, bool> isEmpty, bool isExplained)
    {
        if (then.Oid != now.Oid)
            return [new($"is another table now (OID {now.Oid}, where {then.Oid} was copied)", IsCertain: true)];

        var found = new List<FormDifference>();
        if (then.Stale is { } stale)
            found.Add(new(stale, IsCertain: true));
        // With the trigger, a rewrite that changes values would have been told.
        var isTold = then.Trigger.Length > 0 && then.Trigger == now.Trigger;
        var isRewritten = then.File != now.File && !isExplained;
        var retyped = new List<string>();
        foreach (var column in table.Columns)
        {
            if (then.Column(column.Source) is not { } old || now.Column(column.Source) is not { } real)
                continue;
            if (old.Place != real.Place)
                found.Add(new($"has another column of the name {column.Source}", IsCertain: true));
            else if ((old.Type, old.Modifier) != (real.Type, real.Modifier))
                retyped.Add($"{column.Source}, which was {old.Text} and is {real.Text}");
        }
        if (isRewritten && retyped.Count > 0 && !isTold)
            found.Add(new($"was rewritten with other types ({string.Join("; ", retyped)})", IsCertain: true));
        else if (isRewritten && !isTold)
            found.Add(new("has another file, as after VACUUM FULL or CLUSTER, which leave the values, or ALTER TABLE, which may not",
                IsCertain: false));
        if (then.Publication != now.Publication)
            found.Add(new("was out of the publication, or its entry there changed: what was written meanwhile may be missing",
                IsCertain: true));
        if (then.Options != now.Options)
            found.Add(new("is of a publication whose options changed: if it left out some kind of change meanwhile, that is missing",
                IsCertain: false));
        found.AddRange(OfPartitions(then, now, isEmpty, isTold));
        return found;
    }

    private static IEnumerable<FormDifference> OfPartitions(TableForm then, TableForm now, Func<uint, bool> isEmpty, bool isTold)
    {
        // Of one that was only told of, nothing is known yet.
        var told = then.Partitions.Where(partition => partition.Joined.Length == 0).Select(partition => partition.Oid).ToHashSet();
        var before = then.Partitions.Where(partition => !told.Contains(partition.Oid)).ToDictionary(partition => partition.Oid);
        foreach (var partition in now.Partitions.Where(partition => !told.Contains(partition.Oid)))
        {
            if (!before.Remove(partition.Oid, out var old))
                // One that CREATE TABLE made was told, and stands among those that were there, as does one that was empty when it was seen
                // first.
                yield return new(
                    $"has a partition {partition.Name} that was not there: if it was attached with rows, these have no events",
                    isTold || partition.Made != partition.Joined);
            else if (old.Joined != partition.Joined)
                yield return new($"was without its partition {partition.Name} for a while", IsCertain: true);
            else if (old.File != partition.File)
                yield return isEmpty(partition.Oid)
                    ? new($"has an empty partition {partition.Name}: TRUNCATE of a partition has no event", IsCertain: true)
                    : new($"has a partition {partition.Name} of another file: VACUUM FULL leaves its rows, and TRUNCATE has no event there",
                        IsCertain: false);
        }
        foreach (var gone in before.Values)
            yield return new($"has lost its partition {gone.Name}, and its rows have no events", IsCertain: true);
    }
}
