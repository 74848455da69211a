using System.Globalization;
using AspireCdc.Benchmarks.Cdc;

namespace AspireCdc.Benchmarks.Growth;

/// <summary>
/// A store of any size in which the first customers have always as many orders, so that what a change of theirs reaches does not grow.
/// </summary>
internal static class GrowthStore
{
    /// <summary>Customers whose changes are timed.</summary>
    public const int Timed = 20;

    public const int OrdersOfTimed = 100, ItemsOfOrder = 4;

    /// <summary>Room for the timed ones' orders.</summary>
    public const long LeastItems = 2 * Timed * OrdersOfTimed * ItemsOfOrder;

    private const long ItemsAtOnce = 1_000_000;

    /// <summary>Fills PostgreSQL.</summary>
    public static async Task FillAsync(StoreDatabase database, long items, Action<long> progress, CancellationToken cancellationToken)
    {
        for (long first = 0; first < items; first += ItemsAtOnce)
        {
            var last = Math.Min(first + ItemsAtOnce, items);
            await database.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"""
                INSERT INTO "order" (id, customer_id, total, status) OVERRIDING SYSTEM VALUE
                SELECT n, CASE WHEN n <= {Timed * OrdersOfTimed} THEN 1 + n % {Timed}
                    ELSE {Timed + 1} + n % {Workload.Customers - Timed} END, (n % 900) + 0.25, 'pending'
                FROM generate_series({(first / ItemsOfOrder) + 1}, {last / ItemsOfOrder}) n;
                INSERT INTO orderitem (id, order_id, product_id, quantity, price) OVERRIDING SYSTEM VALUE
                SELECT n, 1 + (n - 1) / {ItemsOfOrder}, 1 + n % {Workload.Products}, 1 + n % 7, (n % 90) + 0.75
                FROM generate_series({first + 1}, {last}) n
                """), cancellationToken);
            progress(last);
        }
        await database.ExecuteAsync("VACUUM ANALYZE", cancellationToken);
    }

    /// <summary>Gives one of the timed customers another country.</summary>
    public static Task MoveAsync(StoreDatabase database, int customer, string country, CancellationToken cancellationToken) =>
        database.ExecuteAsync($"UPDATE customer SET country = '{country}' WHERE id = {customer}", cancellationToken);

    /// <summary>All of a timed customer's orders and items show a country.</summary>
    public static async Task<bool> HasMovedAsync(ClickHouseServer server, int customer, string country, CancellationToken cancellationToken)
    {
        const int Facts = OrdersOfTimed * (1 + ItemsOfOrder);
        return await server.CountsAsync(
            $"""
            SELECT (SELECT count() FROM order_fact WHERE customer_id = {customer} AND country = '{country}')
                + (SELECT count() FROM orderitem_fact WHERE customer_id = {customer} AND country = '{country}')
            """, Facts, cancellationToken);
    }

    /// <summary>Commits a hundred orders of one item each, in one transaction.</summary>
    public static Task OrderAsync(StoreDatabase database, long first, CancellationToken cancellationToken) =>
        database.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"""
            WITH made AS (
                INSERT INTO "order" (id, customer_id, total, status) OVERRIDING SYSTEM VALUE
                SELECT n, {Timed + 1} + n % 1000, 42.42, 'pending' FROM generate_series({first}, {first + 99}) n RETURNING id)
            INSERT INTO orderitem (id, order_id, product_id, quantity, price) OVERRIDING SYSTEM VALUE SELECT id, id, 1, 1, 42.42 FROM made
            """), cancellationToken);

    /// <summary>All of them are there.</summary>
    public static Task<bool> HaveOrdersAsync(ClickHouseServer server, long first, CancellationToken cancellationToken) =>
        server.CountsAsync(string.Create(CultureInfo.InvariantCulture,
            $"SELECT count() FROM orderitem_fact WHERE orderitem_id BETWEEN {first} AND {first + 99}"), 100, cancellationToken);
}
