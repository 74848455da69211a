using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>A replication slot's exported snapshot: all that was committed before its point, and nothing else. It ends when its
/// connection does anything more.</summary>
internal sealed record Snapshot(string Name, ulong Point)
{
    /// <summary>
    /// Makes a slot and has its snapshot. <paramref name="how"/> follows the name in the command (PostgreSQL's documentation, "Streaming
    /// Replication Protocol").
    /// </summary>
    public static async Task<Snapshot> OfSlotAsync(WireConnection exporter, string slot, string how, CancellationToken cancellationToken)
    {
        var made = (await exporter.QueryAsync($"CREATE_REPLICATION_SLOT \"{slot}\" {how}", cancellationToken))[0];
        return new Snapshot(made[2]!, Lsn.Parse(made[1]!));
    }

    /// <summary>Likewise of a slot that goes with its connection, with a name of its own beside <paramref name="slot"/>.</summary>
    public static Task<Snapshot> OfTemporarySlotAsync(WireConnection exporter, string slot, CancellationToken cancellationToken) =>
        OfSlotAsync(exporter, $"{slot[..Math.Min(slot.Length, 48)]}_{Guid.NewGuid().ToString("N")[..8]}",
            "TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT", cancellationToken);
}
