using System.Data.Common;
using AspireCdc.ServiceDefaults;
using ClickHouse.Driver.ADO;
using ClickHouse.Driver.Utility;

namespace AspireCdc.Api.Live;

/// <summary>Reads the star schema in ClickHouse for the live page.</summary>
internal sealed class StarReader(IConfiguration configuration) : IDisposable
{
    private HttpClient? _http; // with the certificates that the connection string names

    private const string Orders = "SELECT order_id, customer_name, city, status, total FROM order_fact";

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _http?.Dispose();

    /// <summary>The newest rows.</summary>
    public async Task<LiveRows> ReadNewestAsync(int count, CancellationToken cancellationToken)
    {
        await using var connection = Connect();
        var orders = await ReadAsync(connection, $"{Orders} ORDER BY order_id DESC LIMIT {count}", ToOrder, null, cancellationToken);
        var items = await ReadAsync(connection, $"SELECT orderitem_id, order_id, product_name, city, quantity, revenue FROM orderitem_fact ORDER BY orderitem_id DESC LIMIT {count}", ToItem, null, cancellationToken);
        return new LiveRows(orders, items);
    }

    /// <summary>One order as the star has it, or null.</summary>
    public async Task<LiveOrder?> FindAsync(long id, CancellationToken cancellationToken)
    {
        await using var connection = Connect();
        var found = await ReadAsync(connection, $"{Orders} WHERE order_id = {{id:Int64}}", ToOrder, id, cancellationToken);
        return found.SingleOrDefault();
    }

    /// <summary>True where ClickHouse is to blame: it may be back in a moment.</summary>
    public static bool IsAway(Exception exception) => exception is DbException or HttpRequestException or IOException or TaskCanceledException or InvalidOperationException or FormatException;

    private ClickHouseConnection Connect()
    {
        if (configuration.GetConnectionString("clickhouse") is not { Length: > 0 } connectionString)
            throw new InvalidOperationException("no ClickHouse is named. Set ConnectionStrings__clickhouse.");
        var server = ClickHouseEndpoint.Parse(connectionString);
        return server.HasCertificates
            ? new(server.ToConnectionString(), _http ??= new HttpClient(server.CreateHandler()))
            : new(server.ToConnectionString());
    }

    private static LiveOrder ToOrder(DbDataReader row) => new(row.GetInt64(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetDecimal(4));

    private static LiveItem ToItem(DbDataReader row) => new(row.GetInt64(0), row.GetInt64(1), row.GetString(2), row.GetString(3), row.GetInt32(4), row.GetDecimal(5));

    private static async Task<List<T>> ReadAsync<T>(
        ClickHouseConnection connection, string sql, Func<DbDataReader, T> toRow, long? id, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        if (id is not null)
            command.AddParameter("id", id);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken))
            rows.Add(toRow(reader));
        return rows;
    }
}
