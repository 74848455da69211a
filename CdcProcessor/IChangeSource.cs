using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor;

/// <summary>Where changes come from. One instance serves one run: after a fault the pipeline starts another.</summary>
internal interface IChangeSource : IAsyncDisposable
{
    /// <summary>Connects and says what this is. Waits while another processor holds the source (hot standby).</summary>
    Task<SourceIdentity> OpenAsync(CancellationToken cancellationToken);

    /// <summary>Takes up where the sink's progress ends; throws <see cref="ResyncRequiredException"/> if this
    /// source does not continue it.</summary>
    Task ResumeAsync(Progress progress, CancellationToken cancellationToken);

    /// <summary>
    /// Forgets where it was (PostgreSQL: drops the slot), so that everything is copied anew. True if all that comes is newer
    /// than what the sink has of that progress.
    /// </summary>
    Task<bool> RestartAsync(Progress progress, CancellationToken cancellationToken);

    /// <summary>All changes from the acknowledged position on, for ever. A lone change comes at once, a flood in large batches;
    /// the caller disposes of each.</summary>
    IAsyncEnumerable<ChangeBatch> ReadAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Copies tables anew, by their identities in the model. Throws <see cref="NotSupportedException"/> with a sentence where that is
    /// another's work.
    /// </summary>
    void RequestCopy(IReadOnlyList<string> tables);

    /// <summary>
    /// Rows have landed, durably, outside the stream's order: <see cref="ChangeOperation.Derive"/> is due for them, with their landing
    /// version as <see cref="Change.Bound"/>. Sends itself that, or returns it where any moment is right.
    /// </summary>
    Task<ChangeBatch?> MarkAsync(IReadOnlyCollection<LandedRow> rows, CancellationToken cancellationToken);

    /// <summary>Everything before these positions is durable and will not be asked for again.</summary>
    Task AcknowledgeAsync(IReadOnlyCollection<SourcePosition> positions, CancellationToken cancellationToken);
}

/// <summary>
/// A row that landed by itself: its table, its key's values, its landing version, and the partition that brought it (-1 from PostgreSQL).
/// </summary>
internal sealed record LandedRow(TableMapping Table, IReadOnlyList<string> Key, UInt128 Version, int Partition);

/// <summary>What fills the tables.</summary>
/// <param name="Kind"><c>postgresql</c> or <c>kafka</c>.</param>
/// <param name="Id">Tells one server (or topic and number of partitions) from another.</param>
/// <param name="Timeline">PostgreSQL's timeline; 0 elsewhere.</param>
/// <param name="Ordered">One reader in commit order, so that a batch's last position is a version of all that is derived after it.</param>
/// <param name="Topic">Kafka's topic, so that a dead letter can name it; null elsewhere.</param>
/// <param name="Partitions">The topic's partitions; 0 elsewhere.</param>
internal sealed record SourceIdentity(string Kind, string Id, int Timeline, bool Ordered, string? Topic = null, int Partitions = 0);

/// <summary>The sink's contents and this source do not belong together; only starting anew helps. The message
/// says so and names the command.</summary>
internal sealed class ResyncRequiredException(string message) : Exception(message);
