using System.Collections.ObjectModel;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor;

/// <summary>What a sink knows about how far it was filled.</summary>
/// <param name="Source">Whose changes it holds; null before the first.</param>
/// <param name="Positions">What was applied and made durable, by partition.</param>
/// <param name="Copies">The tables that were copied or are to be copied; a table that is missing here was never copied.</param>
/// <param name="IsPaused">The pipeline rests.</param>
/// <param name="ResetRequested">Everything is to be copied anew.</param>
/// <param name="Landed">The greatest LSN that any row comes from: after a crash it may be beyond the positions, which are recorded once a
/// second; 0 where the sink records both as one.</param>
internal sealed record Progress(
    SourceIdentity? Source, IReadOnlyList<SourcePosition> Positions, IReadOnlyList<TableCopy> Copies, bool IsPaused = false,
    bool ResetRequested = false, ulong Landed = 0)
{
    /// <summary>The definition by which each fact was last derived whole, by the fact's name; as
    /// <see cref="StarFile.Write(FactMapping)"/> writes it.</summary>
    public IReadOnlyDictionary<string, string> Facts { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>
    /// The identity of each landing table that was filled (see <see cref="ClickHouse.LandedTables"/>), and of each fact's that was derived
    /// whole, by its name; a version that did not keep them has none.
    /// </summary>
    public IReadOnlyDictionary<string, string> Tables { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>The identity of each companion and its view when it was last filled, by its name.</summary>
    public IReadOnlyDictionary<string, string> Companions { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>In Kafka: up to which version of the stream rows without a key have been sent. Nothing
    /// overwrites what is sent twice.</summary>
    public UInt128 Sent { get; init; }

    /// <summary>The table has been copied with the columns that the model has for it.</summary>
    public bool IsCopied(TableMapping table) =>
        Copies.Any(copy => copy.Table == table.Source && copy.State == CopyState.Done && copy.IsOf(table));

    public static Progress None { get; } = new(null, [], []);
}

/// <summary>The copy (first snapshot or resync) of one table.</summary>
/// <param name="Table">The source's table.</param>
/// <param name="State">How far it is.</param>
/// <param name="Point">
/// The consistent point of its snapshot; of one that is requested, the position that its point must be above, or 0.
/// </param>
/// <param name="Columns">
/// The columns that it brings (<see cref="TableMapping.Fingerprint"/>); empty where a version recorded it that did not keep that.
/// </param>
/// <param name="Form">What the source's table was as of the snapshot, as the source writes it; empty where it does not say.</param>
/// <param name="Ranges">What of a copy under way is there for good, as the source writes it: a crash need not have it read again.</param>
internal sealed record TableCopy(string Table, CopyState State, ulong Point, string Columns = "", string Form = "", string Ranges = "")
{
    /// <summary>Two records of one copy: how far it is does not count.</summary>
    public bool IsSame(TableCopy other) => this with { Form = "", Ranges = "" } == other with { Form = "", Ranges = "" };

    /// <summary>It brings the columns that the model has.</summary>
    public bool IsOf(TableMapping table) => Columns.Length == 0 || Columns == table.Fingerprint;
}

internal enum CopyState : byte
{
    Requested,
    Copying,
    Done,

    /// <summary>
    /// Due, and to begin when the source is as it must be: until then changes are missing, and what is copied now is not enough.
    /// </summary>
    Withheld,
}
