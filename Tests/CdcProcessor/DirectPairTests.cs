using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>PostgreSQL → ClickHouse, as people use it.</summary>
public sealed class DirectPairTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rows_before_the_slot_and_changes_after_it_arrive()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync(
            """
            INSERT INTO customer (email, name, country, city) SELECT 'c' || i || '@x.org', 'Customer ' || i, 'CH', 'Bern'
                FROM generate_series(1, 20) i;
            INSERT INTO product (name, category, price) SELECT 'Product ' || i, 'Tools', i + 0.99 FROM generate_series(1, 5) i;
            INSERT INTO "order" (customer_id, total) SELECT 1 + i % 20, i FROM generate_series(1, 100) i;
            INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT 1 + i % 100, 1 + i % 5, i, 2.50
                FROM generate_series(1, 300) i;
            """, Cancel);
        await shop.StartStreamingAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);

        await shop.ExecuteAsync(
            "INSERT INTO customer (email, name, country, city) VALUES ('new@x.org', E'Tab\\tand\\\\ünïcode', 'DE', 'Köln')", Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Zürich' WHERE id = 3", Cancel);
        await shop.ExecuteAsync("UPDATE product SET name = 'Renamed' WHERE id = 2", Cancel);
        await shop.ExecuteAsync("DELETE FROM customer WHERE id = 4", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);

        (await shop.QueryAsync("SELECT count() FROM order_fact WHERE city = 'Zürich'", Cancel)).Should().Be("5\n");
    }
}
