using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.CdcProcessor;

/// <summary>What a sink knows about how far it was filled.</summary>
/// <param name="Source">Whose changes it holds; null before the first.</param>
/// <param name="Positions">What was applied and made durable, by partition.</param>
/// <param name="Copies">The tables that were copied or are to be copied; a table that is missing here was never copied.</param>
/// <param name="IsPaused">The pipeline rests.</param>
/// <param name="ResetRequested">Everything is to be copied anew.</param>
/// <param name="Landed">The greatest LSN that any row comes from: after a crash it may be beyond the positions, which are recorded once a second; 0 where the sink records both as one.</param>
internal sealed record Progress(
    SourceIdentity? Source, IReadOnlyList<SourcePosition> Positions, IReadOnlyList<TableCopy> Copies, bool IsPaused = false, bool ResetRequested = false, ulong Landed = 0)
{
    public static Progress None { get; } = new(null, [], []);
}

/// <summary>The copy (first snapshot or resync) of one table.</summary>
/// <param name="Table">The source's table.</param>
/// <param name="State">How far it is.</param>
/// <param name="Point">The consistent point of its snapshot; 0 before there is one.</param>
internal sealed record TableCopy(string Table, CopyState State, ulong Point);

internal enum CopyState : byte
{
    Requested,
    Copying,
    Done,
}
