using AspireCdc.Tests.Fixtures;
using Xunit;
using static AspireCdc.Tests.CdcProcessor.SchemaShop;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>What a publication does not send is said, and made good by a copy once it sends it.</summary>
public sealed class WithheldTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(
        "ALTER PUBLICATION p SET TABLE customer (id, email, name, country, created_at), product, \"order\", orderitem",
            "left out by the column list",
        "ALTER PUBLICATION p SET TABLE customer, product, \"order\", orderitem")]
    [InlineData(
        "ALTER PUBLICATION p SET TABLE customer WHERE (id > 3), product, \"order\", orderitem", "leaves out rows of customer",
        "ALTER PUBLICATION p SET TABLE customer, product, \"order\", orderitem")]
    [InlineData("ALTER PUBLICATION p DROP TABLE customer", "customer is not in publication", "ALTER PUBLICATION p ADD TABLE customer")]
    [InlineData(
        "ALTER PUBLICATION p SET (publish = 'insert')", "leaves operations out",
        "ALTER PUBLICATION p SET (publish = 'insert, update, delete, truncate')")]
    [InlineData("DROP PUBLICATION p", "there is no publication", "CREATE PUBLICATION p FOR TABLE customer, product, \"order\", orderitem")]
    public async Task What_the_publication_withholds_is_said_and_made_good_by_a_copy(string breaks, string said, string mends)
    {
        await using var shop = await CreateAsync(postgres, clickhouse, Cancel);
        var processor = await shop.StartCopiedAsync(Cancel);
        await shop.ExecuteAsync(breaks.Replace(" p ", $" {Store.Publication} ")
            .Replace("PUBLICATION p", $"PUBLICATION {Store.Publication}"), Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Chur' WHERE id = 1; UPDATE customer SET name = 'Other' WHERE id = 4", Cancel);
        await WaitForReadyAsync(processor, ready => ready.Contains(said), shop, Cancel);

        await shop.ExecuteAsync(mends.Replace("PUBLICATION p", $"PUBLICATION {Store.Publication}"), Cancel);
        await shop.ExecuteAsync("UPDATE customer SET city = 'Sion' WHERE id = 2", Cancel);

        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
        await WaitForReadyAsync(processor, ready => ready == "200 {\"status\":\"ok\"}", shop, Cancel);
    }

    [Fact]
    public async Task What_a_publication_withheld_while_nobody_looked_is_copied_at_the_start()
    {
        await using var shop = await CreateAsync(postgres, clickhouse, Cancel);
        var processor = await shop.StartCopiedAsync(Cancel);
        await shop.StopAsync(processor);
        await shop.ExecuteAsync(
            $"ALTER PUBLICATION {Store.Publication} DROP TABLE orderitem; UPDATE orderitem SET quantity = 77 WHERE id = 3; "
            + $"DELETE FROM orderitem WHERE id = 4; ALTER PUBLICATION {Store.Publication} ADD TABLE orderitem",
            Cancel);

        await shop.StartCopiedAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel, Long);
    }
}
