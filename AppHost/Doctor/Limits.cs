namespace AspireCdc.AppHost.Doctor;

/// <summary>From where on something is worth telling.</summary>
internal sealed record Limits
{
    /// <summary>
    /// Bytes that have to be free on a disk: PostgreSQL keeps up to a gigabyte of its log by default, and ClickHouse's merges need as much
    /// again as they merge.
    /// </summary>
    public long FreeBytes { get; init; } = 2L << 30;

    /// <summary>Bytes of log that the server may keep for the processor's slot: as much as it keeps for itself.</summary>
    public long KeptLogBytes { get; init; } = 1L << 30;

    /// <summary>Bytes of log that it may keep for a slot that nobody reads.</summary>
    public long ForgottenLogBytes { get; init; } = 256L << 20;

    /// <summary>How long a transaction may stand open, idle or prepared, before somebody has forgotten it.</summary>
    public TimeSpan ForgottenTransaction { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Parts of a table of ClickHouse: from 1,000 on it delays inserts, from 3,000 on it refuses them.</summary>
    public int Parts { get; init; } = 300;

    /// <summary>Seconds that ClickHouse may be behind: the README promises a fraction of one.</summary>
    public double LagSeconds { get; init; } = 30;

    /// <summary>How long a server may take to answer.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);
}
