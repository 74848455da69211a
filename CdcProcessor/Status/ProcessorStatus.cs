using System.Collections.Concurrent;
using AspireCdc.CdcProcessor.Changes;
using Microsoft.Extensions.Logging.Abstractions;

namespace AspireCdc.CdcProcessor.Status;

/// <summary>What the processor does right now, for health, metrics and people.</summary>
internal sealed class ProcessorStatus(TableDoubts? doubts = null, Outage? outage = null)
{
    private readonly ConcurrentDictionary<int, SourcePosition> _applied = [];
    private TaskCompletionSource _advanced = NewSignal();
    private volatile PhaseAndReason _phase = new(Phase.Starting, "The processor is starting.");

    public Phase Phase => _phase.Phase;

    /// <summary>Why it is so; empty while all is well.</summary>
    public string Reason => _phase.Reason;

    /// <summary>How far the sink is behind the source.</summary>
    public SourceLag Lag => LagReader?.Invoke() ?? default;

    public Func<SourceLag>? LagReader { get; set; }

    /// <summary>The replication slot, as it was when it was last looked at; null before that, and where there is none.</summary>
    public SlotSize? Slot { get; set; }

    /// <summary>Since when nothing gets through, while that is so.</summary>
    public Outage Outage { get; } = outage ?? new Outage(TimeProvider.System, NullLogger<Outage>.Instance);

    public long OpenDeadLetters { get; set; }

    /// <summary>Tables that do not show what the source holds, or perhaps not.</summary>
    public TableDoubts Doubts { get; } = doubts ?? new TableDoubts(TimeProvider.System, NullLogger<TableDoubts>.Instance);

    /// <summary>Columns that only one of mapping and database has.</summary>
    public int MappingMismatches { get; set; }

    /// <summary>A transaction that was open could not be kept here (a disk was full): from then on the server keeps them.</summary>
    public bool CannotSpool { get; set; }

    /// <summary>How far readers of the sink can see, by partition: of a topic's, those that this processor has.</summary>
    public IReadOnlyCollection<SourcePosition> Applied => [.. _applied.Values];

    /// <summary>How many partitions the source's topic has; 0 where it is no topic, or before it is known.</summary>
    public int Partitions { get; set; }

    public void Enter(Phase phase, string reason = "") => _phase = new PhaseAndReason(phase, reason);

    /// <summary>Completes with the next position that is applied.</summary>
    public Task Advanced => Volatile.Read(ref _advanced).Task;

    public void Apply(SourcePosition position)
    {
        _applied.AddOrUpdate(position.Partition, position, (_, last) =>
            position with { CommitLsn = Math.Max(position.CommitLsn, last.CommitLsn) });
        Interlocked.Exchange(ref _advanced, NewSignal()).TrySetResult();
    }

    /// <summary>Another processor has the partition from now on, and tells how far it is.</summary>
    public void Forget(int partition) => _applied.TryRemove(partition, out _);

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed record PhaseAndReason(Phase Phase, string Reason);
}

/// <summary>How far the sink is behind the source.</summary>
/// <param name="Bytes">WAL that the source has and the sink has not.</param>
/// <param name="Seconds">The age of the oldest commit that the sink has not; 0 where none waits.</param>
internal readonly record struct SourceLag(long Bytes, double Seconds);

/// <summary>What a replication slot keeps on its server.</summary>
/// <param name="RetainedBytes">WAL that is kept for it.</param>
/// <param name="SafeBytes">
/// WAL that may still be written before it is in danger (<c>safe_wal_size</c>); null where nothing limits it.
/// </param>
internal sealed record SlotSize(long RetainedBytes, long? SafeBytes);

internal enum Phase
{
    /// <summary>Connecting.</summary>
    Starting,

    /// <summary>Something outside is not ready yet.</summary>
    Waiting,

    /// <summary>Another processor has the source.</summary>
    StandingBy,

    /// <summary>Changes flow as they come.</summary>
    Streaming,

    /// <summary>Somebody said so.</summary>
    Paused,

    /// <summary>A fault; the next attempt comes by itself.</summary>
    Faulted,

    /// <summary>Only starting anew helps.</summary>
    ResyncRequired,
}
