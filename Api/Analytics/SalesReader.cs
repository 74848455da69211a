using System.Data.Common;

namespace AspireCdc.Api.Analytics;

/// <summary>The questions about what was ordered and sold. Sums of decimals are decimals: no amount is rounded on its way.</summary>
internal sealed class SalesReader(StarDatabase star)
{
    // Minutes of any year that a DateTime64 has, and not only of those up to 2106.
    private const string WideMinutes = "SETTINGS enable_extended_results_for_datetime_functions = 1";
    private const string Sums = "toInt64(uniqExact(order_id)) AS orders, toInt64(sum(quantity)) AS pieces, sum(revenue) AS amount";
    private const string OfPeriod = "WHERE order_date >= {from:DateTime64(6, 'UTC')} AND order_date < {to:DateTime64(6, 'UTC')}";

    /// <summary>By day, the newest first.</summary>
    public Task<QueryAnswer<DayRevenue>> ByDayAsync(Selection selection, CancellationToken cancellationToken) => ItemsAsync(
        "toDate32(order_date) AS day", "day", "day DESC", selection,
        row => new DayRevenue(DateOnly.FromDateTime(row.GetDateTime(0)), row.GetInt64(1), row.GetInt64(2), row.GetDecimal(3)),
        cancellationToken);

    /// <summary>By minute, the newest first.</summary>
    public Task<QueryAnswer<MinuteRevenue>> ByMinuteAsync(Selection selection, CancellationToken cancellationToken) => ItemsAsync(
        "toStartOfMinute(order_date) AS minute", "minute", "minute DESC", selection,
        row => new MinuteRevenue(DateTime.SpecifyKind(row.GetDateTime(0), DateTimeKind.Utc), row.GetInt64(1), row.GetInt64(2),
            row.GetDecimal(3)),
        cancellationToken, WideMinutes);

    /// <summary>By country, what brings most first.</summary>
    public Task<QueryAnswer<CountryRevenue>> ByCountryAsync(Selection selection, CancellationToken cancellationToken) => ItemsAsync(
        "country", "country", "amount DESC, country", selection,
        row => new CountryRevenue(row.GetString(0), row.GetInt64(1), row.GetInt64(2), row.GetDecimal(3)), cancellationToken);

    /// <summary>By category, what brings most first.</summary>
    public Task<QueryAnswer<CategoryRevenue>> ByCategoryAsync(Selection selection, CancellationToken cancellationToken) => ItemsAsync(
        "category", "category", "amount DESC, category", selection,
        row => new CategoryRevenue(row.GetString(0), row.GetInt64(1), row.GetInt64(2), row.GetDecimal(3)), cancellationToken);

    /// <summary>Products, what brings most first; a product is called as it is called now.</summary>
    public Task<QueryAnswer<ProductRevenue>> TopProductsAsync(Selection selection, CancellationToken cancellationToken) => ItemsAsync(
        "product_id, any(product_name) AS name, any(category) AS kind", "product_id", "amount DESC, product_id", selection,
        row => new ProductRevenue(row.GetInt64(0), row.GetString(1), row.GetString(2), row.GetInt64(3), row.GetInt64(4), row.GetDecimal(5)),
        cancellationToken);

    /// <summary>Customers, who ordered for most first.</summary>
    public Task<QueryAnswer<CustomerOrders>> TopCustomersAsync(Selection selection, CancellationToken cancellationToken) => ReadAsync(
        $"""
        SELECT customer_id, any(customer_name) AS name, any(country) AS land, toInt64(count()) AS orders, sum(total) AS amount
        FROM order_fact FINAL {OfPeriod} GROUP BY customer_id ORDER BY amount DESC, customer_id LIMIT {selection.Limit}
        """,
        selection, row => new CustomerOrders(row.GetInt64(0), row.GetString(1), row.GetString(2), row.GetInt64(3), row.GetDecimal(4)),
        cancellationToken);

    /// <summary>By status, the most frequent first.</summary>
    public Task<QueryAnswer<StatusOrders>> ByStatusAsync(Selection selection, CancellationToken cancellationToken) => ReadAsync(
        $"""
        SELECT status, toInt64(count()) AS orders, sum(total) AS amount
        FROM order_fact FINAL {OfPeriod} GROUP BY status ORDER BY orders DESC, status LIMIT {selection.Limit}
        """,
        selection, row => new StatusOrders(row.GetString(0), row.GetInt64(1), row.GetDecimal(2)), cancellationToken);

    /// <summary>One row: all orders of the period.</summary>
    public Task<QueryAnswer<OrderValue>> AverageAsync(Selection selection, CancellationToken cancellationToken) => ReadAsync(
        $"SELECT toInt64(count()) AS orders, sum(total) AS amount FROM order_fact FINAL {OfPeriod}",
        selection, row => ValueOf(row.GetInt64(0), row.GetDecimal(1)), cancellationToken);

    private static OrderValue ValueOf(long orders, decimal total) =>
        new(orders, total, orders == 0 ? null : decimal.Round(total / orders, 2));

    private Task<QueryAnswer<T>> ItemsAsync<T>(
        string what, string groupBy, string orderBy, Selection selection, Func<DbDataReader, T> toRow, CancellationToken cancellationToken,
        string settings = "") =>
        ReadAsync(
            $"""
            SELECT {what}, {Sums}
            FROM orderitem_fact FINAL {OfPeriod} GROUP BY {groupBy} ORDER BY {orderBy} LIMIT {selection.Limit} {settings}
            """,
            selection, toRow, cancellationToken);

    private Task<QueryAnswer<T>> ReadAsync<T>(
        string sql, Selection selection, Func<DbDataReader, T> toRow, CancellationToken cancellationToken) =>
        star.ReadAsync(sql, [("from", selection.From), ("to", selection.To)], toRow, cancellationToken);
}
