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
    public static LiveRows Without(string problem) => new([], [], problem);
}

/// <summary>Both databases at one moment.</summary>
internal sealed record LiveFrame(LiveRows Postgres, LiveRows ClickHouse);
