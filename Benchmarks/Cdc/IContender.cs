namespace AspireCdc.Benchmarks.Cdc;

/// <summary>One reader of the WAL in one round, with a slot and, where it fills one, a store of its own.</summary>
internal interface IContender : IAsyncDisposable
{
    /// <summary>Its replication slot, by which the server's share of the work is found; null where it reads something else.</summary>
    string? Slot { get; }

    /// <summary>Makes the slot, and copies what is there before the workload; nothing runs afterwards.</summary>
    Task PrepareAsync(CancellationToken cancellationToken);

    /// <summary>Starts reading what was written since: the workload, or, without one, single commits to come.</summary>
    Task StartAsync(Workload? workload, CancellationToken cancellationToken);

    /// <summary>Returns as soon as the last change has arrived.</summary>
    Task LastChangeAsync(Workload workload, CancellationToken cancellationToken);

    /// <summary>Null where everything arrived whole, else what is wrong. Not timed.</summary>
    Task<string?> VerifyAsync(Workload workload, CancellationToken cancellationToken);

    /// <summary>Returns as soon as this order, committed alone, has arrived.</summary>
    Task OrderAsync(long id, CancellationToken cancellationToken);

    /// <summary>The processes that do the work, by what they are.</summary>
    IReadOnlyDictionary<string, int> Processes { get; }

    /// <summary>Stops reading; a later start goes on.</summary>
    Task StopAsync();
}

/// <summary>A kind of contender.</summary>
/// <param name="Key">Its name on the command line.</param>
/// <param name="Name">Its name in the report.</param>
/// <param name="Work">What it does with a change.</param>
/// <param name="MissingBecause">Why it cannot take part here; null where it can.</param>
/// <param name="Create">Makes the contender of a round.</param>
/// <param name="TimesCommits">It can tell when a single commit has arrived.</param>
internal sealed record ContenderKind(
    string Key, string Name, string Work, string? MissingBecause, Func<int, IContender> Create, bool TimesCommits = true);
