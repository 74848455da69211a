using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Playwright;
using Xunit;

namespace AspireCdc.Tests.EmbeddedClickHouse;

/// <summary>The page at <c>/play</c>, in a browser.</summary>
public sealed class PlayPageTests(ClickHouseServer clickhouse, Chromium chromium)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_answers_reads_only_unless_told_otherwise_and_shows_errors_as_they_are()
    {
        var database = await clickhouse.CreateDatabaseAsync(Cancel);
        await using var browser = await chromium.OpenAsync(Cancel);
        var page = await browser.PageAsync();
        page.SetDefaultTimeout(120_000);
        var complaints = new List<string>();
        page.Console += (_, message) =>
        {
            if (message.Type == "error" && message.Text.Contains("Content Security Policy", StringComparison.Ordinal))
                complaints.Add(message.Text);
        };
        var response = await page.GotoAsync(new Uri(database.Address, $"/play?database={database.Name}").ToString());
        (await response!.HeaderValueAsync("content-security-policy")).Should().Contain("default-src 'none'").And.NotContain("unsafe");
        await page.GetByLabel("Password").FillAsync(TestClickHouse.Password);

        await RunAsync("SELECT number AS n, toDecimal64('12345678901234.50', 2) AS amount, NULL AS nothing FROM numbers(3)");
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("3 rows, ");
        (await page.Locator("tbody tr").First.Locator("td").AllInnerTextsAsync()).Should().Equal("0", "12345678901234.50", "NULL");
        await Browser.KeepAsync(page, "play");

        await RunAsync("CREATE TABLE made (id Int64) ENGINE = MergeTree ORDER BY id");
        await Assertions.Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("readonly mode");
        await page.GetByLabel("may write").CheckAsync();
        await page.GetByLabel("Statement").PressAsync("Control+Enter");
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("rows written");
        await Assertions.Expect(page.GetByRole(AriaRole.Alert)).ToBeHiddenAsync();

        await RunAsync("SELECT <script>alert(1)</script>");
        await Assertions.Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("SYNTAX_ERROR");
        (await database.QueryAsync("SHOW TABLES", Cancel)).Should().Be("made\n");
        complaints.Should().BeEmpty();

        async Task RunAsync(string sql)
        {
            await page.GetByLabel("Statement").FillAsync(sql);
            await page.GetByRole(AriaRole.Button, new() { Name = "Run" }).ClickAsync();
        }
    }
}
