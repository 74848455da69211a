namespace AspireCdc.Benchmarks.Cdc.Contenders;

/// <summary>When the tables that our processor keeps, landing and star, show what was committed.</summary>
internal static class Star
{
    private const int Tables = 4;

    /// <summary>Waits until the copy of what was there before the workload is done, and recorded.</summary>
    public static Task CopiedAsync(ClickHouseServer server, CancellationToken cancellationToken) =>
        Poll.UntilAsync(() => server.CountsAsync("SELECT count() FROM cdc_progress WHERE kind = 'copy' AND startsWith(state, 'Done')",
            Tables, cancellationToken), Poll.Drain, cancellationToken);

    /// <summary>The star's last table shows the last change: the landing tables are written before it.</summary>
    public static Task LastChangeAsync(ClickHouseServer server, CancellationToken cancellationToken) =>
        Poll.UntilAsync(
            () => server.CountsAsync(
                $"SELECT count() FROM orderitem_fact WHERE orderitem_id = 1 AND status = '{Workload.LastStatus}'", 1, cancellationToken),
            Poll.Drain, cancellationToken);

    public static async Task<string?> VerifyAsync(StoreDatabase database, ClickHouseServer server, CancellationToken cancellationToken) =>
        await Workload.Landing.Over("order_landing", "order_id", "orderitem_landing", "orderitem_id")
            .DifferenceAsync(database, server, cancellationToken)
        ?? await Workload.Star.DifferenceAsync(database, server, cancellationToken);

    public static Task OrderAsync(ClickHouseServer server, long id, CancellationToken cancellationToken) =>
        Poll.UntilAsync(() => server.CountsAsync($"SELECT count() FROM order_fact WHERE order_id = {id}", 1, cancellationToken),
            Poll.Commit, cancellationToken);
}
