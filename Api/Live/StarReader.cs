using System.Data.Common;
using AspireCdc.ServiceDefaults;
using AspireCdc.Shop.Facts;
using ClickHouse.Driver.ADO;

namespace AspireCdc.Api.Live;

/// <summary>Reads the star schema in ClickHouse for the live page.</summary>
internal sealed class StarReader(IConfiguration configuration) : IDisposable
{
    private static readonly string OrderId = FactQuery<OrderFact>.Column(order => order.OrderId);
    private static readonly string ItemId = FactQuery<OrderItemFact>.Column(item => item.OrderItemId);

    private HttpClient? _http; // with the certificates that the connection string names

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _http?.Dispose();

    /// <summary>The newest rows.</summary>
    public async Task<LiveRows> ReadNewestAsync(int count, CancellationToken cancellationToken)
    {
        await using var connection = Connect();
        var orders = await ReadAsync(connection, $"{FactQuery<OrderFact>.Sql} ORDER BY {OrderId} DESC LIMIT {count}",
            FactQuery<OrderFact>.Read, cancellationToken);
        var items = await ReadAsync(connection, $"{FactQuery<OrderItemFact>.Sql} ORDER BY {ItemId} DESC LIMIT {count}",
            FactQuery<OrderItemFact>.Read, cancellationToken);
        var counts = await ReadAsync(
            connection, "SELECT toInt64((SELECT count() FROM order_fact)), toInt64((SELECT count() FROM orderitem_fact))",
            row => (Orders: row.GetInt64(0), Items: row.GetInt64(1)), cancellationToken);
        return new LiveRows([.. orders.Select(ToOrder)], [.. items.Select(ToItem)], counts[0].Orders, counts[0].Items);
    }

    /// <summary>Revenue by country and category, and of the last half hour by minute.</summary>
    public async Task<LiveRevenue> ReadRevenueAsync(CancellationToken cancellationToken)
    {
        await using var connection = Connect();
        return new(await SumAsync("country", "", "revenue DESC"), await SumAsync("category", "", "revenue DESC"), await SumAsync(
            "formatDateTime(order_date, '%Y-%m-%dT%H:%i:00Z', 'UTC')", "WHERE order_date >= toStartOfMinute(now()) - INTERVAL 29 MINUTE",
            "of"));

        async Task<RevenueSums> SumAsync(string of, string where, string orderBy)
        {
            await using var command = connection.CreateCommand();
            command.CommandText =
                $"SELECT {of} AS of, sum(orderitem_fact.revenue) AS revenue FROM orderitem_fact {where} GROUP BY of ORDER BY {orderBy} LIMIT 30";
            var sums = await ReadAsync(command, row => new RevenueSum(row.GetString(0), row.GetDecimal(1)), cancellationToken);
            return new(sums, Math.Round((command.QueryStats?.ElapsedNs ?? 0) / 1e6, 1), command.QueryStats?.ReadRows ?? 0);
        }
    }

    private ClickHouseConnection Connect()
    {
        if (configuration.GetConnectionString("clickhouse") is not { Length: > 0 } connectionString)
            throw new InvalidOperationException("no ClickHouse is named. Set ConnectionStrings__clickhouse.");
        var server = ClickHouseEndpoint.Parse(connectionString);
        return server.HasCertificates
            ? new(server.ToConnectionString(), _http ??= new HttpClient(server.CreateHandler()))
            : new(server.ToConnectionString());
    }

    private static LiveOrder ToOrder(OrderFact order) => new(order.OrderId, order.CustomerName, order.City, order.Status, order.Total);

    private static LiveItem ToItem(OrderItemFact item) =>
        new(item.OrderItemId, item.OrderId, item.ProductName, item.City, item.Quantity, item.Revenue);

    private static async Task<List<T>> ReadAsync<T>(
        ClickHouseConnection connection, string sql, Func<DbDataReader, T> toRow, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return await ReadAsync(command, toRow, cancellationToken);
    }

    private static async Task<List<T>> ReadAsync<T>(DbCommand command, Func<DbDataReader, T> toRow, CancellationToken cancellationToken)
    {
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken))
            rows.Add(toRow(reader));
        return rows;
    }
}
