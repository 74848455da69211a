using AspireCdc.Api.Analytics;
using AspireCdc.Shop.Facts;

namespace AspireCdc.Api.Live;

/// <summary>Reads the star's newest rows for the live page.</summary>
internal sealed class StarReader(StarDatabase star)
{
    private const string Counts = "SELECT toInt64((SELECT count() FROM order_fact)), toInt64((SELECT count() FROM orderitem_fact))";

    private static readonly string
        Orders = $"{FactQuery<OrderFact>.Sql} ORDER BY {FactQuery<OrderFact>.Column(order => order.OrderId)} DESC",
        Items = $"{FactQuery<OrderItemFact>.Sql} ORDER BY {FactQuery<OrderItemFact>.Column(item => item.OrderItemId)} DESC";

    /// <summary>The newest rows.</summary>
    /// <exception cref="Errors.ProblemException">ClickHouse is not there, or has no star.</exception>
    public async Task<LiveRows> ReadNewestAsync(int count, CancellationToken cancellationToken)
    {
        var orders = await star.ReadAsync($"{Orders} LIMIT {count}", [], FactQuery<OrderFact>.Read, cancellationToken);
        var items = await star.ReadAsync($"{Items} LIMIT {count}", [], FactQuery<OrderItemFact>.Read, cancellationToken);
        var counts = await star.ReadAsync(Counts, [], row => (Orders: row.GetInt64(0), Items: row.GetInt64(1)), cancellationToken);
        return new LiveRows([.. orders.Rows.Select(ToOrder)], [.. items.Rows.Select(ToItem)], counts.Rows[0].Orders, counts.Rows[0].Items);
    }

    private static LiveOrder ToOrder(OrderFact order) => new(order.OrderId, order.CustomerName, order.City, order.Status, order.Total);

    private static LiveItem ToItem(OrderItemFact item) =>
        new(item.OrderItemId, item.OrderId, item.ProductName, item.City, item.Quantity, item.Revenue);
}
