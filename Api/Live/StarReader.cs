using System.Data.Common;
using AspireCdc.ServiceDefaults;
using AspireCdc.Shop.Facts;
using ClickHouse.Driver.ADO;
using ClickHouse.Driver.Utility;

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
        var orders = await ReadAsync<OrderFact>(connection, $"ORDER BY {OrderId} DESC LIMIT {count}", null, cancellationToken);
        var items = await ReadAsync<OrderItemFact>(connection, $"ORDER BY {ItemId} DESC LIMIT {count}", null, cancellationToken);
        return new LiveRows([.. orders.Select(ToOrder)], [.. items.Select(ToItem)]);
    }

    /// <summary>One order as the star has it, or null.</summary>
    public async Task<LiveOrder?> FindAsync(long id, CancellationToken cancellationToken)
    {
        await using var connection = Connect();
        var found = await ReadAsync<OrderFact>(connection, $"WHERE {OrderId} = {{id:Int64}}", id, cancellationToken);
        return found.Select(ToOrder).SingleOrDefault();
    }

    /// <summary>True where ClickHouse is to blame: it may be back in a moment.</summary>
    public static bool IsAway(Exception exception) => exception
        is DbException or HttpRequestException or IOException or TaskCanceledException or InvalidOperationException or FormatException;

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

    private static async Task<List<TFact>> ReadAsync<TFact>(
        ClickHouseConnection connection, string which, long? id, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = $"{FactQuery<TFact>.Sql} {which}";
        if (id is not null)
            command.AddParameter("id", id);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<TFact>();
        while (await reader.ReadAsync(cancellationToken))
            rows.Add(FactQuery<TFact>.Read(reader));
        return rows;
    }
}
