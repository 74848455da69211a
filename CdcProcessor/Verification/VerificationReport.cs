namespace AspireCdc.CdcProcessor.Verification;

/// <summary>The comparison with PostgreSQL that runs, or the last one.</summary>
/// <param name="State">
/// <c>none</c>, <c>running</c>, <c>equal</c>, <c>different</c> or <c>incomplete</c> (a table could not be compared).
/// </param>
/// <param name="Verdict">The same as a sentence for people.</param>
/// <param name="Started">When it began.</param>
/// <param name="Finished">When it ended; null while it runs.</param>
/// <param name="Repairs">Rows that differ are brought once more.</param>
/// <param name="Rows">Rows compared.</param>
/// <param name="RowsPerSecond">Rows compared a second, over the time that it took.</param>
/// <param name="Differences">Rows that differ and stay so.</param>
/// <param name="Tables">Each table and fact.</param>
internal sealed record VerificationReport(
    string State, string Verdict, DateTimeOffset? Started, DateTimeOffset? Finished, bool Repairs, long Rows, double RowsPerSecond,
    long Differences, IReadOnlyList<ComparedReport> Tables)
{
    public static VerificationReport None { get; } = new("none", "Not compared with PostgreSQL yet.", null, null, false, 0, 0, 0, []);
}

/// <summary>A table or a fact in it.</summary>
internal sealed record ComparedReport
{
    /// <summary>How many keys are named.</summary>
    public const int MostKeys = 100;

    /// <summary>The table's identity, or the fact's name.</summary>
    public required string Name { get; init; }

    /// <summary><c>waiting</c>, <c>running</c>, <c>equal</c>, <c>different</c>, <c>skipped</c> or <c>failed</c>.</summary>
    public string State { get; init; } = "waiting";

    /// <summary>Rows compared.</summary>
    public long Rows { get; init; }

    /// <summary>Seconds that it took.</summary>
    public double Seconds { get; init; }

    /// <summary>Rows that differ and stay so.</summary>
    public long Differences { get; init; }

    /// <summary>Rows that differed and are right now.</summary>
    public long Repaired { get; init; }

    /// <summary>Rows that changed all the time, or whose dead letter waits: neither equal nor counted.</summary>
    public long Undecided { get; init; }

    /// <summary>The first keys that differ or differed, and how.</summary>
    public IReadOnlyList<KeyReport> Keys { get; init; } = [];

    /// <summary>Why it was skipped or failed, or what there is to know; empty otherwise.</summary>
    public string Note { get; init; } = "";

    /// <summary>Where a comparison that was interrupted goes on; null at the beginning.</summary>
    public ComparedTo? Reached { get; init; }
}

/// <summary>A key whose row differs or differed.</summary>
/// <param name="Key">Its values, separated by commas.</param>
/// <param name="What">How.</param>
/// <param name="IsRepaired">It is right now.</param>
internal sealed record KeyReport(string Key, string What, bool IsRepaired);

/// <summary>How far a table has been compared.</summary>
/// <param name="IsSurplus">In the second reading, which looks for rows that PostgreSQL has not, in ClickHouse's order of keys.</param>
/// <param name="Key">The last key.</param>
internal sealed record ComparedTo(bool IsSurplus, IReadOnlyList<string> Key);
