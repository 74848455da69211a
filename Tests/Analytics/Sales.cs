using AspireCdc.Tests.Api;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using Microsoft.AspNetCore.Builder;
using Xunit;

namespace AspireCdc.Tests.Analytics;

/// <summary>A shop with orders of three days, its star, and an API over both.</summary>
public sealed class Sales(PostgresServer postgres, ClickHouseServer clickhouse) : IAsyncLifetime
{
    /// <summary>Amounts and quantities that no binary fraction and no 64 bits hold, and orders at the edges of a day.</summary>
    private const string Rows = """
        INSERT INTO customer (email, name, country, city)
            SELECT 'c' || i || '@x.org', 'Customer ' || i, (ARRAY['CH', 'IT', 'UK'])[1 + i % 3], 'City' FROM generate_series(1, 7) i;
        INSERT INTO product (name, category, price) SELECT 'Product ' || i, (ARRAY['Tools', 'Books'])[1 + i % 2], i
            FROM generate_series(1, 5) i;
        INSERT INTO "order" (customer_id, total, status, order_date)
        SELECT 1 + i % 7, i * 0.01 + 0.1, (ARRAY['pending', 'paid', 'shipped'])[1 + i % 3],
            '2026-01-01T00:00:00Z'::timestamptz + i * interval '37 minutes'
        FROM generate_series(0, 99) i;
        INSERT INTO "order" (customer_id, total, status, order_date)
            VALUES (1, 9999999999.99, 'paid', '2026-01-02T00:00:00Z'), (2, 9999999999.99, 'paid', '2026-01-01T23:59:59.999999Z');
        INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT 1 + i % 102, 1 + i % 5, 1 + i % 4, i * 0.07 + 0.01
            FROM generate_series(0, 499) i;
        INSERT INTO orderitem (order_id, product_id, quantity, price)
            VALUES (101, 1, 2147483647, 9999999999.99), (102, 2, 2147483647, 9999999999.99);
        DELETE FROM "order" WHERE id = 50;
        UPDATE customer SET country = 'FR' WHERE id = 3;
        """;

    private WebApplication? _api;

    internal Store Store { get; private set; } = null!;

    internal HttpClient Client { get; private set; } = null!;

    internal WebApplication Processor { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var cancel = TestContext.Current.CancellationToken;
        Store = await Store.CreateAsync(postgres, clickhouse, cancel);
        Processor = await Store.StartStreamingAsync(cancel);
        await Store.ExecuteAsync(Rows, cancel);
        await Store.AssertStarEqualsJoinAsync(cancel, TimeSpan.FromMinutes(2));
        _api = ApiServer.Create(Store.Postgres.ConnectionString, Store.Postgres.Name,
            $"--ConnectionStrings:clickhouse={Store.ClickHouse.ConnectionString}");
        Client = await ApiServer.StartAsync(_api);
    }

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        if (_api is not null)
            await _api.DisposeAsync();
        await Store.DisposeAsync();
    }

    internal Task<Answer> GetAsync(string path, params (string Name, string Value)[] headers) =>
        Client.AnswerAsync(HttpMethod.Get, "/api/analytics/" + path, null, headers);
}
