using System.Diagnostics;
using System.Globalization;
using System.Net.ServerSentEvents;
using System.Text.RegularExpressions;
using AspireCdc.Api.Live.Feed;
using AspireCdc.Api.Live.Load;
using AspireCdc.Tests.Api;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AspireCdc.Tests.Kafka;
using AwesomeAssertions;
using Deque.AxeCore.Playwright;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Xunit;

namespace AspireCdc.Tests.Live;

/// <summary>The live page in a browser, over both databases and a processor between them.</summary>
public sealed class LivePageTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka, Chromium chromium)
{
    private const int Deadline = 600_000;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(Timeout = Deadline)]
    public async Task Each_button_writes_and_the_processor_tells_when_ClickHouse_shows_it()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var processor = await shop.StartStreamingAsync(Cancel);
        await using var api = await StartApiAsync(shop, processor);
        await using var browser = await chromium.OpenAsync(Cancel);
        var page = await OpenAsync(browser, api);
        (await page.Locator("button:visible").AllInnerTextsAsync()).Should()
            .Contain("Make the first order").And.NotContain("Next status", "there is nothing that it could change");

        await PressAsync(page, "Make the first order", "is there");
        (await page.GetByRole(AriaRole.Status).First.InnerTextAsync()).Should()
            .MatchRegex("^Order 1 of .+, with [123] items? is there, [0-9.]+ m?s after its commit\\.$");
        await ShowsAsync(page.Locator("#clickHouse tbody tr").First.GetByText("pending", new() { Exact = true }));
        await PressAsync(page, "Next status", "Order 1 as paid is there");
        await ShowsAsync(page.Locator("#clickHouse").GetByText("paid", new() { Exact = true }));
        var before = await shop.QueryAsync("SELECT city FROM order_fact", Cancel);
        await PressAsync(page, "Move the customer", "in every order and item, is there");
        var city = (await shop.QueryAsync("SELECT city FROM order_fact", Cancel)).Trim();
        city.Should().NotBe(before.Trim());
        await ShowsAsync(page.Locator("#clickHouse").GetByText(city, new() { Exact = true }).First);
        (await shop.QueryAsync("SELECT DISTINCT city FROM orderitem_fact", Cancel)).Trim().Should().Be(city);
        await ShowsAsync(page.Locator("#revenue").GetByText((await shop.QueryAsync("SELECT country FROM orderitem_fact LIMIT 1", Cancel))
            .Trim(), new() { Exact = true }));
        await page.GetByRole(AriaRole.Button, new() { Name = "Compare now" }).ClickAsync();
        await ShowsAsync(page.GetByRole(AriaRole.Button, new() { Name = "Compare again" }));
        await Assertions.Expect(page.Locator("#verdict")).ToHaveClassAsync("good", new() { Timeout = 180_000 });
        await ShowsAsync(page.Locator("#compared").GetByText("rows compared"));
        await PressAsync(page, "Delete the order", "The end of order 1 and its items is there");
        (await shop.QueryAsync("SELECT count() FROM order_fact", Cancel)).Should().Be("0\n");
        await ShowsAsync(page.Locator("#clickHouse").GetByText("nothing yet").First);
        await ShowsAsync(page.Locator("#clickHouse").GetByText("0 rows").First);

        await Assertions.Expect(page.Locator("#chart-api figcaption"))
            .ToContainTextAsync(new Regex("p50 .* · p95 .* · p99 .*s"), new() { Timeout = 180_000 });
        await Assertions.Expect(page.Locator("#chart-pipeline figcaption"))
            .ToContainTextAsync(new Regex("p50 .* · p95 .* · p99 .*s"), new() { Timeout = 180_000 });
        await ShowsAsync(page.Locator("#node-clickhouse").GetByText("running", new() { Exact = true }));
    }

    [Fact(Timeout = Deadline)]
    public async Task It_works_by_keyboard()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var processor = await shop.StartStreamingAsync(Cancel);
        await using var api = await StartApiAsync(shop, processor);
        await using var browser = await chromium.OpenAsync(Cancel);
        var page = await OpenAsync(browser, api);

        await TabToAsync(page, "add");
        await page.Keyboard.PressAsync("Enter");
        await ShowsAsync(page.GetByText("is there"));
        (await page.EvaluateAsync<string>("document.activeElement.id")).Should().Be("add", "a button that is busy keeps the focus");
        // The other buttons come with the order that they are about.
        await ShowsAsync(page.Locator("#status:not([aria-disabled=true])"));
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync(" ");
        await ShowsAsync(page.GetByText("Order 1 as paid is there"));
        await TabToAsync(page, "writes");
        for (var i = 0; i < 4; i++)
            await page.Keyboard.PressAsync("ArrowRight");

        await ShowsAsync(page.GetByText("25 writes/s"));
        await Wait.UntilAsync(async () => await CountAsync(shop, "order_fact") > 10, "orders that nobody has clicked for", Cancel,
            TimeSpan.FromMinutes(2));
        await page.Keyboard.PressAsync("Home");
        await ShowsAsync(page.GetByText("none", new() { Exact = true }));
        await Wait.UntilAsync(() => Task.FromResult(api.Services.GetRequiredService<ShopLoad>().Report.Wanted == 0), "the load to end",
            Cancel);
    }

    [Fact(Timeout = Deadline)]
    public async Task It_says_at_once_what_is_paused_or_away_and_goes_on_when_it_is_back()
    {
        await using var server = await ClickHouseServer.StartOwnAsync(Cancel);
        await using var shop =
            await Store.CreateAsync(postgres.CreateDatabaseAsync(Cancel), server.CreateDatabaseAsync("live", Cancel), Cancel);
        var processor = await shop.StartStreamingAsync(Cancel);
        var api = await StartApiAsync(shop, processor);
        var address = api.Urls.Single();
        await using var browser = await chromium.OpenAsync(Cancel);
        var page = await OpenAsync(browser, api);
        await PressAsync(page, "Make the first order", "is there");

        await page.GetByRole(AriaRole.Button, new() { Name = "Pause" }).ClickAsync();
        await ShowsAsync(page.Locator("#node-processor").GetByText("paused"));
        await PressAsync(page, "Next status", "Order 1 as paid is in PostgreSQL. The processor is paused.");
        await page.GetByRole(AriaRole.Button, new() { Name = "Resume" }).ClickAsync();
        await ShowsAsync(page.GetByRole(AriaRole.Status).GetByText("Order 1 as paid is there"));

        await server.KillAsync();
        await ShowsAsync(page.Locator("#node-clickhouse").GetByText("away"));
        await ShowsAsync(page.Locator("#clickHouse .problem").GetByText("ClickHouse"));
        await PressAsync(page, "Next status", "Order 1 as shipped is in PostgreSQL.");
        await ShowsAsync(page.GetByText("waits in PostgreSQL's log").First);
        await server.StartAsync(Cancel);
        await ShowsAsync(page.GetByText("Order 1 as shipped is there"));
        await ShowsAsync(page.Locator("#clickHouse").GetByText("shipped", new() { Exact = true }));
        await Assertions.Expect(page.Locator("#clickHouse .problem")).ToBeHiddenAsync();

        await shop.StopAsync(processor);
        await ShowsAsync(page.Locator("#node-processor").GetByText("away"));
        await ShowsAsync(page.GetByText("The processor is away."));

        await api.DisposeAsync();
        await ShowsAsync(page.GetByRole(AriaRole.Alert).GetByText("The API does not answer"));
        await ShowsAsync(page.Locator("#node-api").GetByText("does not answer"));
        processor = await shop.StartStreamingAsync(Cancel);
        api = await StartApiAsync(shop, processor, address);
        await Assertions.Expect(page.Locator("#away")).ToBeHiddenAsync(new() { Timeout = 180_000 });
        await PressAsync(page, "Next status", "Order 1 as delivered is there");
        await api.DisposeAsync();
    }

    [Fact(Timeout = Deadline)]
    public async Task Behind_Kafka_it_shows_the_connector_and_tells_when_a_write_has_passed_every_partition()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var topic = kafka.NewTopic(create: false);
        var connector = await shop.StartStreamingAsync(Cancel, ["--sink", "kafka", .. kafka.Arguments(topic)]);
        var processor = await shop.StartStreamingAsync(Cancel, ["--source", "kafka", .. kafka.Arguments(topic)]);
        await using var api = await StartApiAsync(shop, processor, connector: connector);
        await using var browser = await chromium.OpenAsync(Cancel);
        var page = await browser.PageAsync(1360);
        await page.GotoAsync(api.Urls.Single());
        await ShowsAsync(page.Locator("#node-connector").GetByText("streaming", new() { Exact = true }));
        await ShowsAsync(page.Locator("#node-processor").GetByText("streaming", new() { Exact = true }));

        await PressAsync(page, "Make the first order", "is there");
        (await page.GetByRole(AriaRole.Status).First.InnerTextAsync()).Should().MatchRegex("is there, [0-9.]+ m?s after its commit\\.$");
        await PressAsync(page, "Next status", "Order 1 as paid is there");
        await ShowsAsync(page.Locator("#clickHouse").GetByText("paid", new() { Exact = true }));
        await Assertions.Expect(page.Locator("#node-clickhouse [data-of=applied]")).ToHaveTextAsync(new Regex("^[0-9A-F]+/[0-9A-F]+$"));
        await Assertions.Expect(page.Locator("#chart-pipeline figcaption")).ToContainTextAsync(new Regex("p50 .* · p95 .* · p99 .*s"));
        await page.GetByRole(AriaRole.Button, new() { Name = "Compare now" }).ClickAsync();
        await Assertions.Expect(page.Locator("#verdict")).ToHaveClassAsync("good", new() { Timeout = 180_000 });
        (await page.EvaluateAsync<int>("document.documentElement.scrollWidth")).Should().BeLessThanOrEqualTo(1360);
        (await FindingsAsync(page)).Should().BeEmpty();
        await Browser.KeepAsync(page, "live-kafka");

        await shop.StopAsync(connector);
        await ShowsAsync(page.Locator("#node-connector").GetByText("away"));
        await PressAsync(page, "Next status",
            "Order 1 as shipped is in PostgreSQL. The connector is away. What is written waits in PostgreSQL's log");
        await page.SetViewportSizeAsync(390, 844);
        (await page.EvaluateAsync<int>("document.documentElement.scrollWidth")).Should().BeLessThanOrEqualTo(390);
        await Browser.KeepAsync(page, "live-kafka-390");
    }

    [Fact(Timeout = Deadline)]
    public async Task It_fits_and_can_be_read_by_everybody()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var processor = await shop.StartStreamingAsync(Cancel);
        await using var api = await StartApiAsync(shop, processor);
        await using var browser = await chromium.OpenAsync(Cancel);
        var complaints = new List<string>();
        var load = api.Services.GetRequiredService<ShopLoad>();
        load.Set(50);
        await Wait.UntilAsync(async () => await CountAsync(shop, "order_fact") > 20, "orders", Cancel, TimeSpan.FromMinutes(2));
        load.Set(5);
        foreach (var width in new[] { 1360, 390 })
        {
            foreach (var scheme in new[] { ColorScheme.Light, ColorScheme.Dark })
            {
                var name = $"{width}-{scheme}".ToLowerInvariant();
                var page = await browser.PageAsync(width, 844, scheme);
                page.Console += (_, message) => complaints.Add(message.Text); // What the page's policy refuses is told there.
                await page.GotoAsync(api.Urls.Single());
                (await FindingsAsync(page)).Should().BeEmpty("also before the first answer");
                await ShowsAsync(page.Locator("#clickHouse tbody tr").Nth(8));
                (await page.EvaluateAsync<int>("document.documentElement.scrollWidth")).Should()
                    .BeLessThanOrEqualTo(width, $"nothing of {name} is cut off at the side");
                (await page.EvaluateAsync<string[]>(
                    "[...document.querySelectorAll('.number, .status, dd')].filter(e => e.scrollWidth > e.clientWidth + 1 && " +
                    "e.checkVisibility()).map(e => e.outerHTML)"))
                    .Should().BeEmpty($"states and amounts of {name} are never cut off");
                (await FindingsAsync(page)).Should().BeEmpty(name);
                await Browser.KeepAsync(page, "live-" + name);
                await page.CloseAsync();
            }
        }
        complaints.Should().BeEmpty();
    }

    [Fact(Timeout = Deadline)]
    public async Task Ten_open_pages_cost_as_much_as_one_and_a_hidden_page_nothing()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var watch = new CountingWatch();
        await using var api = ApiServer.Create(shop.Postgres.ConnectionString, shop.Postgres.Name,
            [$"--ConnectionStrings:clickhouse={shop.ClickHouse.ConnectionString}"], services => services.AddSingleton<ILiveWatch>(watch));
        (await ApiServer.StartAsync(api)).Dispose();
        var feed = api.Services.GetRequiredService<LiveFeed>();
        await using var browser = await chromium.OpenAsync(Cancel);
        var page = await browser.PageAsync();
        await page.GotoAsync(api.Urls.Single());
        using var client = new HttpClient { BaseAddress = new(api.Urls.Single()) };
        var others = await Task.WhenAll(Enumerable.Range(0, 9)
            .Select(_ => client.GetAsync("/live/events", HttpCompletionOption.ResponseHeadersRead, Cancel)));
        await Wait.UntilAsync(() => Task.FromResult(feed.Watchers == 10 && watch.Running > 0), "ten pages", Cancel);
        (watch.Begun, watch.Running).Should().Be((1, 1));

        foreach (var other in others)
            other.Dispose();
        await Wait.UntilAsync(() => Task.FromResult(feed.Watchers == 1), "one page", Cancel);
        watch.Running.Should().Be(1);
        await page.EvaluateAsync(
            "Object.defineProperty(document, 'hidden', { value: true, configurable: true }); " +
            "document.dispatchEvent(new Event('visibilitychange'))");
        await Wait.UntilAsync(() => Task.FromResult(feed.Watchers == 0 && watch.Running == 0), "nobody who looks", Cancel);
        await page.EvaluateAsync(
            "Object.defineProperty(document, 'hidden', { value: false }); document.dispatchEvent(new Event('visibilitychange'))");
        await Wait.UntilAsync(() => Task.FromResult(feed.Watchers == 1 && watch.Begun == 2), "the page again", Cancel);
    }

    [Fact(Timeout = Deadline)]
    public async Task An_open_page_does_not_keep_the_API_from_stopping()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await using var api = await StartApiAsync(shop);
        using var client = new HttpClient { BaseAddress = new(api.Urls.Single()) };
        using var events = await client.GetAsync("/live/events", HttpCompletionOption.ResponseHeadersRead, Cancel);
        await using var stream = await events.Content.ReadAsStreamAsync(Cancel);
        events.Content.Headers.ContentType!.MediaType.Should().Be("text/event-stream");
        await ReadUntilAsync(stream, "postgres", "\"rows\":{\"orders\":[]");

        var watch = Stopwatch.StartNew();
        await api.StopAsync(Cancel);

        watch.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(8), "AppHost kills after ten");
    }

    [Fact(Timeout = Deadline)]
    public async Task Without_a_ClickHouse_the_page_shows_PostgreSQL_and_what_to_set()
    {
        var database = await postgres.CreateDatabaseAsync(Cancel);
        await using var api = ApiServer.Create(database.ConnectionString, database.Name);
        using var client = await ApiServer.StartAsync(api);
        using var events = await client.GetAsync("/live/events", HttpCompletionOption.ResponseHeadersRead, Cancel);
        await using var stream = await events.Content.ReadAsStreamAsync(Cancel);

        await ReadUntilAsync(stream, "clickHouse", "set ConnectionStrings__clickhouse.");
        await ReadUntilAsync(stream, "postgres", "PostgreSQL cannot be read"); // Its tables are not there.
    }

    /// <summary>What axe finds, by rule and place.</summary>
    private static async Task<IEnumerable<string>> FindingsAsync(IPage page) =>
        (await page.RunAxe()).Violations.SelectMany(violation => violation.Nodes.Select(node => $"{violation.Id}: {node.Html}"));

    private static async Task<WebApplication> StartApiAsync(
        Store shop, WebApplication? processor = null, string address = "http://127.0.0.1:0", WebApplication? connector = null)
    {
        var api = ApiServer.Create(shop.Postgres.ConnectionString, shop.Postgres.Name,
        [
            $"--ConnectionStrings:clickhouse={shop.ClickHouse.ConnectionString}", $"--urls={address}", $"--Cdc:Slot={shop.Slot}",
            .. processor is null ? [] : (string[])[$"--services:cdc-processor:http:0={processor.Urls.Single()}"],
            .. connector is null ? [] : (string[])[$"--services:connector:http:0={connector.Urls.Single()}"],
        ]);
        (await ApiServer.StartAsync(api)).Dispose();
        return api;
    }

    private static async Task<IPage> OpenAsync(Browser browser, WebApplication api)
    {
        var page = await browser.PageAsync();
        await page.GotoAsync(api.Urls.Single());
        await ShowsAsync(page.Locator("#clickHouse").GetByText("nothing yet").First);
        await ShowsAsync(page.Locator("#node-processor").GetByText("streaming"));
        await ShowsAsync(page.GetByRole(AriaRole.Button, new() { Name = "Make the first order" }));
        return page;
    }

    private static async Task PressAsync(IPage page, string button, string sentence)
    {
        await page.GetByRole(AriaRole.Button, new() { Name = button, Disabled = false }).ClickAsync();
        await ShowsAsync(page.Locator("#message").GetByText(sentence));
    }

    private static async Task TabToAsync(IPage page, string id)
    {
        for (var i = 0; i < 20 && await page.EvaluateAsync<string>("document.activeElement.id") != id; i++)
            await page.Keyboard.PressAsync("Tab");
        (await page.EvaluateAsync<string>("document.activeElement.id")).Should().Be(id);
    }

    private static async Task ReadUntilAsync(Stream stream, string slice, string text)
    {
        await foreach (var news in SseParser.Create(stream).EnumerateAsync(Cancel))
        {
            if (news.EventType == slice && news.Data.Contains(text, StringComparison.Ordinal))
                return;
        }
        Assert.Fail($"{slice} never said {text}");
    }

    private static async Task<long> CountAsync(Store shop, string table) =>
        long.Parse(await shop.QueryAsync($"SELECT count() FROM {table}", Cancel), CultureInfo.InvariantCulture);

    private static Task ShowsAsync(ILocator locator) => Assertions.Expect(locator).ToBeVisibleAsync(new() { Timeout = 180_000 });

    /// <summary>Counts how often watching begins, and how many watch.</summary>
    private sealed class CountingWatch : ILiveWatch
    {
        private int _begun, _running;

        public int Begun => Volatile.Read(ref _begun);

        public int Running => Volatile.Read(ref _running);

        public async Task WatchAsync(LiveFeed feed, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _begun);
            Interlocked.Increment(ref _running);
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Interlocked.Decrement(ref _running);
        }
    }
}
