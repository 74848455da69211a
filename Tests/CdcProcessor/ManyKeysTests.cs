using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Mapping;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>Batches whose keys travel beside the statement instead of in it.</summary>
public sealed class ManyKeysTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Thousands_of_roots_and_of_parents_in_one_transaction_are_derived()
    {
        await using var shop = await Shop.CreateAsync(postgres, clickhouse, Cancel);
        await shop.StartStreamingAsync(Cancel);

        await shop.ExecuteAsync(
            """
            INSERT INTO customer (email, name, country, city) SELECT i || '@x.org', 'Customer ' || i, 'CH', 'Bern' FROM generate_series(1, 900) i;
            INSERT INTO product (name, category, price) SELECT 'Product ' || i, 'Tools', i FROM generate_series(1, 700) i;
            INSERT INTO "order" (customer_id, total) SELECT 1 + i % 900, i FROM generate_series(1, 2000) i;
            INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT 1 + i % 2000, 1 + i % 700, 1, 2.50 FROM generate_series(1, 5000) i;
            """, Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);

        await shop.ExecuteAsync("UPDATE customer SET city = 'Basel' WHERE id % 2 = 0; UPDATE product SET category = 'Toys' WHERE id % 2 = 0; DELETE FROM \"order\" WHERE id % 5 = 0", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    [Fact]
    public async Task Composite_and_text_keys_arrive_as_they_are()
    {
        var database = await clickhouse.CreateDatabaseAsync(Cancel);
        using var client = new ClickHouseClient(database.ConnectionString);
        var table = new TableMapping("note", "note", ColumnMapping.Key("id", "id", ColumnType.Int64), ColumnMapping.Key("name", "name", ColumnType.String));
        string[] names = ["it's", "back\\slash", "new\nline", "tab\t", "(1,2),(3", "größer", ""];
        var literals = Enumerable.Range(0, 1000).Select(i => $"({i},{ClickHouseClient.Quote(names[i % names.Length])})").ToList();

        var keys = new KeyList("changed", table, literals);

        var found = await client.QueryAsync($"SELECT count(), countIf((key_1, key_2) IN ({string.Join(',', literals)})) FROM {keys.Set}", [keys.Table!], Cancel);
        found[0].Should().Equal("1000", "1000");
    }
}
