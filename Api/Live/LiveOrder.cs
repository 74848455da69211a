namespace AspireCdc.Api.Live;

/// <summary>An order with its customer, as the live page shows it from either database.</summary>
internal sealed record LiveOrder(long Id, string Customer, string City, string Status, decimal Total);

/// <summary>A line of an order with its product, as the live page shows it from either database.</summary>
internal sealed record LiveItem(long Id, long OrderId, string Product, string City, int Quantity, decimal Revenue);

/// <summary>The newest rows of one database.</summary>
/// <param name="Orders">The newest orders, newest first.</param>
/// <param name="Items">The newest lines, newest first.</param>
/// <param name="Problem">Why there is nothing to show, or null.</param>
internal sealed record LiveRows(IReadOnlyList<LiveOrder> Orders, IReadOnlyList<LiveItem> Items, string? Problem = null)
{
    /// <summary>What is read, or why it cannot be; whatever the reason, the page goes on.</summary>
    public static async Task<LiveRows> OrProblemAsync(string database, Func<Task<LiveRows>> read, CancellationToken cancellationToken)
    {
        try
        {
            return await read();
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new([], [], $"{database} does not answer in time.");
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new([], [], $"{database} cannot be read: {e.GetBaseException().Message}");
        }
    }
}

/// <summary>Both databases at one moment.</summary>
internal sealed record LiveFrame(LiveRows Postgres, LiveRows ClickHouse);
