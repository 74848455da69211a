namespace AspireCdc.Api.Live;

/// <summary>An order with its customer, as the live page shows it from either database.</summary>
internal sealed record LiveOrder(long Id, string Customer, string City, string Status, decimal Total);

/// <summary>A line of an order with its product, as the live page shows it from either database.</summary>
internal sealed record LiveItem(long Id, long OrderId, string Product, string City, int Quantity, decimal Revenue);

/// <summary>The newest rows of one database, newest first, and how many there are in all.</summary>
internal sealed record LiveRows(IReadOnlyList<LiveOrder> Orders, IReadOnlyList<LiveItem> Items, long OrderCount, long ItemCount)
{
    /// <summary>As many rows of each table are shown.</summary>
    public const int Shown = 8;
}

/// <summary>One database at one moment: its rows, or why there are none to show.</summary>
/// <param name="Rows">Its newest rows.</param>
/// <param name="Log">PostgreSQL's log.</param>
/// <param name="Problem">Why it cannot be read, as a sentence.</param>
/// <param name="Hangs">It may be there all the same: it takes too long.</param>
internal sealed record LiveDatabase(LiveRows? Rows, LiveLog? Log = null, string? Problem = null, bool Hangs = false)
{
    /// <summary>
    /// Of ClickHouse: the commit up to which it is recorded to show everything, like <c>0/1A2B3C4</c>; null where nobody tells.
    /// </summary>
    public string? Applied { get; init; }
}

/// <summary>PostgreSQL's write-ahead log and its slot.</summary>
/// <param name="Position">How far the log is, like <c>0/1A2B3C4</c>.</param>
/// <param name="IsRead">Somebody reads from the slot; null where there is no slot.</param>
/// <param name="RetainedBytes">What the server keeps of its log for the slot.</param>
internal sealed record LiveLog(string Position, bool? IsRead, long RetainedBytes);
