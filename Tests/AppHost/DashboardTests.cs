using System.Net.Http.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Playwright;
using Xunit;

namespace AspireCdc.Tests.AppHost;

[Collection(SharedStack.Collection)]
public sealed class DashboardTests(SharedStack stack)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_trace_of_a_POST_is_found()
    {
        var app = await stack.StartedAsync(Cancel);
        await PostCustomerAsync(app);
        using var dashboard = app.CreateHttpClient("aspire-dashboard", "http");
        dashboard.DefaultRequestHeaders.Add("x-api-key", SharedStack.ApiKey);

        await Wait.UntilAsync(
            async () => (await dashboard.GetStringAsync("/api/telemetry/spans?resource=api", Cancel)).Contains("POST /api/customers", StringComparison.Ordinal),
            "the span of the POST", Cancel);
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task It_wants_a_token()
    {
        var app = await stack.StartedAsync(Cancel);
        using var handler = new HttpClientHandler { AllowAutoRedirect = false };
        using var anonymous = new HttpClient(handler) { BaseAddress = app.GetEndpoint("aspire-dashboard", "http") };

        using var page = await anonymous.GetAsync("/", Cancel);
        using var telemetry = await anonymous.GetAsync("/api/telemetry/spans", Cancel);

        page.Headers.Location!.ToString().Should().Contain("/login");
        telemetry.IsSuccessStatusCode.Should().BeFalse();
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task Its_pages_show_resources_console_logs_traces_and_the_graph()
    {
        var app = await stack.StartedAsync(Cancel);
        await PostCustomerAsync(app);
        await using var pages = await PagesAsync(app);
        var page = pages.Page;

        foreach (var resource in (string[])["postgres", "clickhouse", "init-db", "clickhouse-migrator", "cdc-processor", "api"])
            await ShowsAsync(page.GetByRole(AriaRole.Row).Filter(new() { HasText = resource }).First);
        (await RowsAsync(page)).Should().Equal("postgres", "shop", "shop-for-cdc", "init-db", "api", "cdc-processor", "clickhouse", "star", "clickhouse-migrator");
        await ShowsAsync(page.GetByRole(AriaRole.Row).Filter(new() { HasText = "api" }).GetByText("Running").First);
        await KeepAsync(page, "resources");

        await page.GotoAsync(new Uri(pages.Address, "/consolelogs/resource/postgres").ToString());
        await ShowsAsync(page.GetByText("database system is ready to accept connections").First);
        await KeepAsync(page, "console-logs");

        await page.GotoAsync(new Uri(pages.Address, "/traces").ToString());
        await ShowsAsync(page.GetByText("POST /api/customers").First);
        await KeepAsync(page, "traces");

        await page.GotoAsync(new Uri(pages.Address, "/?view=Graph").ToString());
        await ShowsAsync(page.Locator("svg").GetByText("cdc-processor").First);
        await KeepAsync(page, "graph");
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task Its_buttons_carry_out_commands()
    {
        var app = await stack.StartedAsync(Cancel);
        var before = SharedStack.Snapshot(app, "clickhouse-migrator").StartTimeStamp;
        await using var pages = await PagesAsync(app);

        await pages.Page.GetByRole(AriaRole.Row).Filter(new() { HasText = "clickhouse-migrator" }).GetByTitle("Start resource", new() { Exact = true }).ClickAsync();

        var again = await app.ResourceNotifications.WaitForResourceAsync(
            "clickhouse-migrator", change => change.Snapshot.State?.Text == KnownResourceStates.Finished && change.Snapshot.StartTimeStamp > before, Cancel);
        again.Snapshot.ExitCode.Should().Be(0);
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task It_asks_which_table_to_resync_and_tells_the_answer()
    {
        var app = await stack.StartedAsync(Cancel);
        await using var pages = await PagesAsync(app);
        var page = pages.Page;

        await page.GetByRole(AriaRole.Row).Filter(new() { HasText = "cdc-processor" }).GetByTitle("Actions").ClickAsync();
        // A click would close the menu below which it is.
        await page.GetByTitle("Commands", new() { Exact = true }).HoverAsync();
        await KeepAsync(page, "commands");
        await page.Locator("fluent-menu-item").GetByText("Resync a table", new() { Exact = true }).Last.ClickAsync();
        var dialog = page.Locator("fluent-dialog");
        await ShowsAsync(dialog.GetByText("Copies one table anew").First);
        await dialog.Locator("fluent-select, fluent-combobox").First.ClickAsync();
        await dialog.Locator("fluent-option").GetByText("product", new() { Exact = true }).First.ClickAsync();
        await KeepAsync(page, "resync");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Resync a table" }).ClickAsync();

        await Assertions.Expect(dialog).ToHaveCountAsync(0);
        await page.GetByRole(AriaRole.Button, new() { Name = "Notifications" }).ClickAsync();
        await ShowsAsync(page.GetByText("product will be copied anew").First);
        await KeepAsync(page, "resynced");
    }

    private static Task ShowsAsync(ILocator locator) => Assertions.Expect(locator).ToBeVisibleAsync(new() { Timeout = 30_000 });

    /// <summary>The resources' names from top to bottom.</summary>
    private static async Task<IEnumerable<string>> RowsAsync(IPage page) =>
        (await page.GetByRole(AriaRole.Row).AllInnerTextsAsync()).Skip(1).Select(row => row.Trim().Split('\n')[0].Trim());

    private static Task KeepAsync(IPage page, string name) => Browser.KeepAsync(page, name);

    private static async Task PostCustomerAsync(DistributedApplication app)
    {
        using var api = app.CreateHttpClient("api");
        (await api.PostAsJsonAsync("/api/customers", new { email = $"{Guid.NewGuid():N}@example.com", name = "Ada", country = "UK", city = "London" }, Cancel))
            .EnsureSuccessStatusCode();
    }

    /// <summary>A browser that has logged in and shows the resources.</summary>
    private static async Task<Pages> PagesAsync(DistributedApplication app)
    {
        var browser = await Browser.StartAsync();
        var page = await browser.PageAsync(1600);
        var address = app.GetEndpoint("aspire-dashboard", "http");
        await page.GotoAsync(new Uri(address, $"/login?t={SharedStack.BrowserToken}").ToString());
        return new(browser, page, address);
    }

    private sealed record Pages(Browser Browser, IPage Page, Uri Address) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Browser.DisposeAsync();
    }
}
