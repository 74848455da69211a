using System.Net.Http.Json;
using AspireCdc.CdcProcessor.Operations;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>What ClickHouse cannot hold is kept whole, and does not stop the rest.</summary>
public sealed class DeadLetterTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("UPDATE \"order\" SET total = 'NaN' WHERE id = 1", "order",
        "Column 'total' is 'NaN', which order_landing.total (Decimal(12, 2)) cannot hold exactly.")]
    [InlineData("UPDATE \"order\" SET order_date = '10000-01-01 00:00:00+00' WHERE id = 1", "order",
        "Column 'order_date' is '10000-01-01 00:00:00+00', which order_landing.order_date (DateTime64(6, 'UTC')) cannot hold exactly.")]
    [InlineData("UPDATE \"order\" SET order_date = '0002-12-31 23:59:59.999999+00 BC' WHERE id = 1", "order",
        "Column 'order_date' is '0002-12-31 23:59:59.999999+00 BC', which")]
    [InlineData("UPDATE \"order\" SET order_date = '4000-01-01 00:00:00 BC' WHERE id = 1", "order",
        "Column 'order_date' is '4000-01-01 00:00:00+00 BC', which")]
    [InlineData("ALTER TABLE \"order\" ALTER COLUMN status DROP NOT NULL; UPDATE \"order\" SET status = NULL WHERE id = 1", "order",
        "Column 'status' is NULL, and order_landing.status (LowCardinality(String)) takes none.")]
    public async Task A_value_that_clickhouse_cannot_hold_becomes_a_dead_letter_and_its_key_keeps_the_last_good_row(
        string statement, string table, string reason)
    {
        await using var shop = await CreateAsync();
        var processor = await shop.StartStreamingAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        var before = await shop.QueryAsync("SELECT * FROM order_fact WHERE order_id = 1", Cancel);

        await shop.ExecuteAsync(statement, Cancel);
        await shop.ExecuteAsync("UPDATE \"order\" SET status = 'sent' WHERE id = 2", Cancel);
        await Wait.ForAsync(() => shop.QueryAsync("SELECT status FROM order_fact WHERE order_id = 2", Cancel), status => status == "sent\n",
            "the change after it", Cancel);

        (await shop.QueryAsync("SELECT * FROM order_fact WHERE order_id = 1", Cancel)).Should().Be(before);
        using var http = Client(processor);
        var letters = await http.GetFromJsonAsync<LetterReport[]>("/operations/dead-letters", Cancel);
        letters.Should().ContainSingle().Which.Should().Match<LetterReport>(letter =>
            letter.Table == table && letter.Key == "1" && letter.Operation == "update" && letter.Reason.StartsWith(reason));
        letters![0].Raw.Should().StartWith("{\"metadata\":{\"table\":\"order\",\"operation\":\"update\",\"lsn\":\"").And.Contain(
            "\"payload\":{\"id\":1,\"customer_id\":1,");
        // They are counted once the batch is done, which is a moment after its rows are visible.
        await Wait.ForAsync(async () => (await http.GetFromJsonAsync<StatusReport>("/operations/status", Cancel))!.DeadLetters,
            count => count == 1, "the letter to be counted", Cancel);
        (await http.GetAsync("/ready", Cancel)).EnsureSuccessStatusCode();
    }

    [Fact]
    public async Task A_row_of_the_copy_can_be_a_dead_letter_too()
    {
        await using var shop = await CreateAsync();
        await shop.ExecuteAsync("UPDATE \"order\" SET total = 'NaN' WHERE id = 1", Cancel);
        await shop.StartStreamingAsync(Cancel);

        await Wait.ForAsync(() => shop.QueryAsync("SELECT operation, key FROM cdc_dead_letter", Cancel), letter => letter == "read\t1\n",
            "the dead letter", Cancel);
        await Wait.ForAsync(
            () => shop.QueryAsync("SELECT count() FROM order_fact", Cancel), count => count == "9\n", "the other orders", Cancel);
    }

    [Fact]
    public async Task Rule_7_the_old_key_is_deleted_even_when_the_new_row_becomes_a_dead_letter()
    {
        await using var shop = await CreateAsync();
        await shop.StartStreamingAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);

        await shop.ExecuteAsync("DELETE FROM orderitem; UPDATE \"order\" SET id = 100, total = 'NaN' WHERE id = 1", Cancel);

        await Wait.ForAsync(() => shop.QueryAsync("SELECT count() FROM order_fact WHERE order_id IN (1, 100)", Cancel),
            count => count == "0\n", "the old key to go", Cancel);
        (await shop.QueryAsync("SELECT key FROM cdc_dead_letter", Cancel)).Should().Be("100\n");
    }

    [Fact]
    public async Task Rule_12_a_retry_keeps_its_version_and_loses_to_what_came_later()
    {
        await using var shop = await CreateAsync();
        var processor = await shop.StartStreamingAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        // ClickHouse holds no NULL here, until the column's type does.
        await shop.ExecuteAsync("UPDATE \"order\" SET order_date = '11800-01-01 00:00:00+00', status = 'old' WHERE id <= 3", Cancel);
        await shop.ExecuteAsync("UPDATE \"order\" SET order_date = '2020-01-01 00:00:00+00', status = 'new' WHERE id = 2", Cancel);
        await shop.ExecuteAsync("DELETE FROM \"order\" WHERE id = 3", Cancel);
        await Wait.ForAsync(
            () => shop.QueryAsync("SELECT count() FROM cdc_dead_letter", Cancel), count => count == "3\n", "the dead letters", Cancel);

        using var http = Client(processor);
        (await (await http.PostAsync("/operations/dead-letters/retry", null, Cancel)).Content.ReadAsStringAsync(Cancel)).Should()
            .StartWith("0 dead letters");

        // Somebody mends the stored changes by hand, those included that have settled by themselves.
        await shop.QueryAsync("ALTER TABLE cdc_dead_letter DELETE WHERE revision > 0 SETTINGS mutations_sync = 2", Cancel);
        await shop.QueryAsync(
            "INSERT INTO cdc_dead_letter SELECT * REPLACE (replaceAll(raw, '11800', '1900') AS raw) FROM (SELECT * " +
            "FROM cdc_dead_letter WHERE state = 'open')", Cancel);
        (await (await http.PostAsync("/operations/dead-letters/retry", null, Cancel)).Content.ReadAsStringAsync(Cancel)).Should()
            .EndWith("stays, with its reason.");
        await Wait.ForAsync(() => shop.QueryAsync(
            "SELECT count() FROM cdc_dead_letter WHERE state IN ('retried', 'overtaken') AND raw = ''", Cancel), count => count == "3\n",
            "the letters to be settled", Cancel);

        await shop.ExecuteAsync("UPDATE \"order\" SET order_date = '1900-01-01 00:00:00+00' WHERE id = 1", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    [Fact]
    public async Task Large_dead_letters_are_applied_again_a_few_at_a_time()
    {
        await using var shop = await CreateAsync();
        var processor = await shop.StartStreamingAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.ExecuteAsync("UPDATE \"order\" SET total = 'NaN' WHERE id <= 5", Cancel);
        await Wait.ForAsync(
            () => shop.QueryAsync("SELECT count() FROM cdc_dead_letter", Cancel), count => count == "5\n", "the dead letters", Cancel);
        // Somebody mends the stored changes by hand; each has 10 MB then.
        await shop.QueryAsync(
            "INSERT INTO cdc_dead_letter SELECT * REPLACE (concat(replaceAll(raw, 'NaN', '70.00'), repeat(repeat(' ', 1000000), 10)) " +
            "AS raw) FROM cdc_dead_letter", Cancel);
        await shop.QueryAsync("SYSTEM STOP MERGES order_landing", Cancel);
        var before = await PartsAsync();

        using var http = Client(processor);
        (await (await http.PostAsync("/operations/dead-letters/retry", null, Cancel)).Content.ReadAsStringAsync(Cancel)).Should()
            .StartWith("5 dead letters were applied");

        (await PartsAsync() - before).Should().Be(3, "24 MB at once are two of them");
        await Wait.ForAsync(() => shop.QueryAsync("SELECT order_id FROM order_fact WHERE total = 70 ORDER BY 1", Cancel),
            orders => orders == "1\n2\n3\n4\n5\n", "the facts", Cancel);
        await Wait.ForAsync(() => shop.QueryAsync("SELECT DISTINCT state, raw FROM cdc_dead_letter FINAL", Cancel),
            state => state == "retried\t\n", "the letters to be settled", Cancel);

        async Task<int> PartsAsync() => int.Parse(await shop.QueryAsync(
            "SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'order_landing'", Cancel));
    }

    [Fact]
    public async Task A_dead_letter_settles_by_itself_once_a_later_change_of_its_row_has_landed()
    {
        await using var shop = await CreateAsync();
        await shop.StartStreamingAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.ExecuteAsync("UPDATE \"order\" SET total = 'NaN' WHERE id <= 3", Cancel);
        await Wait.ForAsync(() => shop.QueryAsync("SELECT count() FROM cdc_dead_letter WHERE state = 'open'", Cancel), count =>
            count == "3\n", "the dead letters", Cancel);

        await shop.ExecuteAsync("UPDATE \"order\" SET total = 7 WHERE id = 1; DELETE FROM \"order\" WHERE id = 2", Cancel);
        // The row of the third is newer than all that has landed of it.
        for (var i = 0; await shop.QueryAsync("SELECT key, state FROM cdc_dead_letter ORDER BY key",
            Cancel) != "1\tovertaken\n2\tovertaken\n3\topen\n"; i++)
        {
            i.Should().BeLessThan(2000);
            await shop.ExecuteAsync($"UPDATE product SET name = 'Product {i}' WHERE id = 1", Cancel);
            await Task.Delay(50, Cancel);
        }
    }

    [Theory]
    [InlineData("TRUNCATE \"order\" CASCADE")]
    [InlineData("resync")]
    public async Task Rule_12_truncate_and_resync_settle_the_dead_letters_before_them(string how)
    {
        await using var shop = await CreateAsync();
        var processor = await shop.StartStreamingAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.ExecuteAsync("UPDATE \"order\" SET total = 'NaN' WHERE id = 1", Cancel);
        await Wait.ForAsync(() => shop.QueryAsync("SELECT count() FROM cdc_dead_letter WHERE state = 'open'", Cancel),
            count => count == "1\n", "the dead letter", Cancel);
        await shop.ExecuteAsync("DELETE FROM \"order\" WHERE id = 1", Cancel);

        using var http = Client(processor);
        if (how == "resync")
            (await http.PostAsync("/operations/resync?table=order", null, Cancel)).EnsureSuccessStatusCode();
        else
            await shop.ExecuteAsync(how, Cancel);

        await Wait.ForAsync(() => shop.QueryAsync("SELECT state, raw FROM cdc_dead_letter", Cancel), state => state == "overtaken\t\n",
            "the letter to be settled", Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
    }

    [Fact]
    public async Task Dropping_needs_names_or_all()
    {
        await using var shop = await CreateAsync();
        var processor = await shop.StartStreamingAsync(Cancel);
        await shop.AssertStarEqualsJoinAsync(Cancel);
        await shop.ExecuteAsync("UPDATE \"order\" SET total = 'NaN' WHERE id <= 2", Cancel);
        await Wait.ForAsync(
            () => shop.QueryAsync("SELECT count() FROM cdc_dead_letter", Cancel), count => count == "2\n", "the dead letters", Cancel);

        using var http = Client(processor);
        ((int)(await http.PostAsync("/operations/dead-letters/drop", null, Cancel)).StatusCode).Should().Be(409);
        var id = (await http.GetFromJsonAsync<LetterReport[]>("/operations/dead-letters", Cancel))![0].Id;
        (await (await http.PostAsync($"/operations/dead-letters/drop?id={id}", null, Cancel)).Content.ReadAsStringAsync(Cancel)).Should()
            .StartWith("1 dead letters");
        (await (await http.PostAsync("/operations/dead-letters/drop?all=true", null, Cancel)).Content.ReadAsStringAsync(Cancel)).Should()
            .StartWith("1 dead letters");
        (await shop.QueryAsync("SELECT DISTINCT state FROM cdc_dead_letter", Cancel)).Should().Be("dropped\n");
    }

    private async Task<Store> CreateAsync()
    {
        var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.ExecuteAsync(
            """
            INSERT INTO customer (email, name, country, city) SELECT 'c' || i || '@x.org', 'Customer ' || i, 'CH', 'Bern'
                FROM generate_series(0, 9) i;
            INSERT INTO product (name, category, price) VALUES ('Product', 'Tools', 0.99);
            INSERT INTO "order" (customer_id, total) SELECT i, i FROM generate_series(1, 10) i;
            INSERT INTO orderitem (order_id, product_id, quantity, price) SELECT i, 1, i, 2.50 FROM generate_series(1, 10) i;
            """, Cancel);
        return shop;
    }

    private static HttpClient Client(WebApplication processor) => new() { BaseAddress = new Uri(processor.Urls.First()) };
}
