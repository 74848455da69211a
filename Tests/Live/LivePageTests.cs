using System.Diagnostics;
using System.Globalization;
using System.Net;
using AspireCdc.Tests.Api;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Playwright;
using Xunit;

namespace AspireCdc.Tests.Live;

/// <summary>The live page in a browser, over both databases and a processor between them.</summary>
public sealed class LivePageTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private const int Deadline = 180_000;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(Timeout = Deadline)]
    public async Task Each_button_writes_and_waits_until_ClickHouse_shows_it()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.StartStreamingAsync(Cancel);
        await using var api = await StartApiAsync(shop);
        await using var browser = await Browser.StartAsync();
        var page = await OpenAsync(browser, api);

        await PressAsync(page, "Add an order", "is there");
        await ShowsAsync(page.Locator("#clickHouse tbody tr").First.GetByText("pending", new() { Exact = true }));
        await PressAsync(page, "Next status", "Order 1 is paid");
        await ShowsAsync(page.Locator("#clickHouse").GetByText("paid", new() { Exact = true }));
        var before = await shop.QueryAsync("SELECT city FROM order_fact", Cancel);
        await PressAsync(page, "Move the customer", "has moved to");
        var city = (await shop.QueryAsync("SELECT city FROM order_fact", Cancel)).Trim();
        city.Should().NotBe(before.Trim());
        await ShowsAsync(page.Locator("#clickHouse").GetByText(city, new() { Exact = true }).First);
        (await shop.QueryAsync("SELECT DISTINCT city FROM orderitem_fact", Cancel)).Trim().Should().Be(city);
        await PressAsync(page, "Delete the order", "Order 1 is gone");
        (await shop.QueryAsync("SELECT count() FROM order_fact", Cancel)).Should().Be("0\n");
        await ShowsAsync(page.Locator("#clickHouse").GetByText("nothing yet").First);

        (await page.Locator("#writes").InnerTextAsync()).Should().Be("4");
        foreach (var figure in (string[])["#last", "#median", "#slowest"])
            Milliseconds(await page.Locator(figure).InnerTextAsync()).Should().BeInRange(1, 30_000);
        (await page.Locator("#bars i").CountAsync()).Should().Be(4);
    }

    [Fact(Timeout = Deadline)]
    public async Task It_works_by_keyboard()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.StartStreamingAsync(Cancel);
        await using var api = await StartApiAsync(shop);
        await using var browser = await Browser.StartAsync();
        var page = await OpenAsync(browser, api);

        await page.Keyboard.PressAsync("Tab"); // the link to the API's reference
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("Enter");
        await ShowsAsync(page.GetByText("is there"));
        (await page.EvaluateAsync<string>("document.activeElement.id")).Should().Be("add", "a button that is busy keeps the focus");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync(" ");
        await ShowsAsync(page.GetByText("Order 1 is paid"));
        foreach (var _ in (string[])["city", "remove", "auto"])
            await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync(" ");

        await Wait.UntilAsync(async () => int.Parse(await page.Locator("#writes").InnerTextAsync(), CultureInfo.InvariantCulture) >= 4, "two more writes by themselves", Cancel);
    }

    [Fact(Timeout = Deadline)]
    public async Task It_says_what_is_away_and_goes_on_when_it_is_back()
    {
        await using var server = await ClickHouseServer.StartOwnAsync(Cancel);
        await using var shop = await Store.CreateAsync(postgres.CreateDatabaseAsync(Cancel), server.CreateDatabaseAsync("live", Cancel), Cancel);
        await shop.StartStreamingAsync(Cancel);
        var api = await StartApiAsync(shop);
        var address = api.Urls.Single();
        await using var browser = await Browser.StartAsync();
        var page = await OpenAsync(browser, api);
        await PressAsync(page, "Add an order", "is there");

        await server.KillAsync();
        await ShowsAsync(page.Locator("#clickHouse .problem").GetByText("ClickHouse"));
        await page.GetByRole(AriaRole.Button, new() { Name = "Next status" }).ClickAsync();
        await ShowsAsync(page.Locator("#postgres").GetByText("paid", new() { Exact = true }));
        await server.StartAsync(Cancel);
        await ShowsAsync(page.GetByText("Order 1 is paid"));
        await ShowsAsync(page.Locator("#clickHouse").GetByText("paid", new() { Exact = true }));
        await Assertions.Expect(page.Locator("#clickHouse .problem")).ToBeHiddenAsync();

        await api.DisposeAsync();
        await ShowsAsync(page.GetByRole(AriaRole.Alert).GetByText("The API does not answer."));
        api = await StartApiAsync(shop, address);
        await Assertions.Expect(page.Locator("#away")).ToBeHiddenAsync(new() { Timeout = 30_000 });
        await PressAsync(page, "Next status", "Order 1 is shipped");
        await api.DisposeAsync();
    }

    [Theory(Timeout = Deadline)]
    [InlineData(1280, ColorScheme.Light), InlineData(1280, ColorScheme.Dark), InlineData(390, ColorScheme.Light), InlineData(390, ColorScheme.Dark)]
    public async Task It_fits_and_can_be_read(int width, ColorScheme scheme)
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.StartStreamingAsync(Cancel);
        await using var api = await StartApiAsync(shop);
        await using var browser = await Browser.StartAsync();
        var page = await browser.PageAsync(width, 844, scheme);
        await page.GotoAsync(api.Urls.Single());
        await PressAsync(page, "Add an order", "is there");
        await ShowsAsync(page.Locator("#clickHouse tbody .amount").First);

        (await page.EvaluateAsync<int>("document.documentElement.scrollWidth")).Should().BeLessThanOrEqualTo(width, "nothing is cut off at the side");
        (await page.EvaluateAsync<double>(Contrast)).Should().BeGreaterThan(4.5, "that is what WCAG asks of text");
        await Browser.KeepAsync(page, $"live-{width}-{scheme}".ToLowerInvariant());
    }

    [Fact(Timeout = Deadline)]
    public async Task An_open_page_does_not_keep_the_API_from_stopping()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await using var api = await StartApiAsync(shop);
        using var client = new HttpClient { BaseAddress = new(api.Urls.Single()) };
        using var frames = await client.GetAsync("/live/frames", HttpCompletionOption.ResponseHeadersRead, Cancel);
        using var reader = new StreamReader(await frames.Content.ReadAsStreamAsync(Cancel));
        frames.Content.Headers.ContentType!.MediaType.Should().Be("text/event-stream");
        (await reader.ReadLineAsync(Cancel)).Should().StartWith("data: {\"postgres\":{\"orders\":[],");

        var watch = Stopwatch.StartNew();
        await api.StopAsync(Cancel);

        watch.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(8), "AppHost kills after ten");
        (await reader.ReadToEndAsync(Cancel)).Should().NotBeNull("the answer has ended");
    }

    [Fact(Timeout = Deadline)]
    public async Task Without_a_ClickHouse_the_page_shows_PostgreSQL_and_what_to_set()
    {
        var database = await postgres.CreateDatabaseAsync(Cancel);
        await using var api = ApiServer.Create(database.ConnectionString, database.Name);
        using var client = await ApiServer.StartAsync(api);
        using var frames = await client.GetAsync("/live/frames", HttpCompletionOption.ResponseHeadersRead, Cancel);
        using var reader = new StreamReader(await frames.Content.ReadAsStreamAsync(Cancel));

        (await reader.ReadLineAsync(Cancel)).Should().Contain("Set ConnectionStrings__clickhouse.").And.Contain("PostgreSQL cannot be read", "its tables are not there");
        frames.StatusCode.Should().Be(HttpStatusCode.OK);
    }

    /// <summary>The lowest contrast between a visible text and what is behind it.</summary>
    private const string Contrast = """
        () => {
          const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
          const rgb = (...colors) => {
            canvas.clearRect(0, 0, 1, 1);
            for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
            return canvas.getImageData(0, 0, 1, 1).data;
          };
          const light = color => [...color].slice(0, 3).map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
            .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
          const behind = element => {
            const colors = [];
            for (let e = element; e; e = e.parentElement) colors.unshift(getComputedStyle(e).backgroundColor);
            return rgb(...colors);
          };
          const texts = [...document.querySelectorAll("h1, h2, small, p, a, button:not([aria-disabled=true]), label, dt, dd, th, td, caption")]
            .filter(e => e.checkVisibility() && e.textContent.trim() && !e.closest(".fresh"));
          return Math.min(...texts.map(e => {
            const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
            return (a + .05) / (b + .05);
          }));
        }
        """;

    private static async Task<WebApplication> StartApiAsync(Store shop, string address = "http://127.0.0.1:0")
    {
        var api = ApiServer.Create(shop.Postgres.ConnectionString, shop.Postgres.Name, $"--ConnectionStrings:clickhouse={shop.ClickHouse.ConnectionString}", $"--urls={address}");
        (await ApiServer.StartAsync(api)).Dispose();
        return api;
    }

    private static async Task<IPage> OpenAsync(Browser browser, WebApplication api)
    {
        var page = await browser.PageAsync();
        await page.GotoAsync(api.Urls.Single());
        await ShowsAsync(page.Locator("#clickHouse").GetByText("nothing yet").First);
        return page;
    }

    private static async Task PressAsync(IPage page, string button, string sentence)
    {
        await page.GetByRole(AriaRole.Button, new() { Name = button, Disabled = false }).ClickAsync();
        await ShowsAsync(page.GetByRole(AriaRole.Status).GetByText(sentence));
    }

    private static Task ShowsAsync(ILocator locator) => Assertions.Expect(locator).ToBeVisibleAsync(new() { Timeout = 60_000 });

    private static int Milliseconds(string text) => int.Parse(text.Replace(" ms", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
}
