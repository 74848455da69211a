using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Playwright;
using Xunit;

namespace AspireCdc.Tests.AppHost;

[Collection(SharedStack.Collection)]
public sealed class DashboardTests(SharedStack stack, Chromium chromium)
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
            async () => (await dashboard.GetStringAsync("/api/telemetry/spans?resource=api", Cancel))
                .Contains("POST /api/customers", StringComparison.Ordinal),
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
        await using var dashboard = await DashboardAsync(app);
        await dashboard.TryAsync(async page =>
        {
            foreach (var resource in (string[])["postgres", "shop", "api", "cdc-processor", "clickhouse", "star"])
                await ShowsAsync(Row(page, resource).GetByText("Running", new() { Exact = true }));
            // Databases stand below their servers; migrations are hidden once they have completed.
            (await page.Locator(".resource-name-text").AllInnerTextsAsync()).Should()
                .Equal("postgres", "shop", "api", "cdc-processor", "clickhouse", "star");
            await KeepAsync(page, "resources");

            await page.GotoAsync(new Uri(dashboard.Address, "/consolelogs/resource/postgres").ToString());
            await ShowsAsync(page.GetByText("database system is ready to accept connections").First);
            await KeepAsync(page, "console-logs");

            await page.GotoAsync(new Uri(dashboard.Address, "/traces").ToString());
            await page.GetByText("POST /api/customers").First.ClickAsync();
            // The statement's database, by the name that it has in the graph.
            await ShowsAsync(page.GetByText("shop", new() { Exact = true }).First);
            await KeepAsync(page, "trace-of-a-customer");

            await page.GotoAsync(new Uri(dashboard.Address, "/?view=Graph").ToString());
            await ShowsAsync(page.Locator("svg").GetByText("cdc-processor").First);
            await KeepAsync(page, "graph");
        });
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task One_trace_can_be_followed_from_a_request_to_the_rows_in_ClickHouse()
    {
        var app = await stack.StartedAsync(Cancel);
        var trace = "";
        for (var i = 0; i < 4; i++) // The first ones pay for compilation.
            trace = await PostOrderAsync(app);
        using var api = app.CreateHttpClient("aspire-dashboard", "http");
        api.DefaultRequestHeaders.Add("x-api-key", SharedStack.ApiKey);
        await Wait.UntilAsync(
            async () => (await api.GetStringAsync("/api/telemetry/spans?resource=cdc-processor", Cancel))
            .Contains(trace, StringComparison.Ordinal),
            "the trace to reach ClickHouse", Cancel, TimeSpan.FromMinutes(2));

        await using var dashboard = await DashboardAsync(app);
        await dashboard.TryAsync(async page =>
        {
            await page.GotoAsync(new Uri(dashboard.Address, $"/traces/detail/{trace}").ToString());
            foreach (var step in (string[])
                ["POST /api/orders", "INSERT order", "COMMIT", "cdc transaction", "cdc batch", "INSERT order_landing", "derive order_fact",
                    "INSERT order_fact"])
                await ShowsAsync(page.GetByText(step).First);
            await KeepAsync(page, "trace");
        });
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task Its_buttons_carry_out_commands()
    {
        var app = await stack.StartedAsync(Cancel);
        await using var dashboard = await DashboardAsync(app);
        await dashboard.TryAsync(async page =>
        {
            await Row(page, "api").GetByTitle("Stop resource", new() { Exact = true }).ClickAsync();
            await app.ResourceNotifications.WaitForResourceAsync("api", KnownResourceStates.TerminalStates, Cancel);
            await Row(page, "api").GetByTitle("Start resource", new() { Exact = true }).ClickAsync();

            await app.ResourceNotifications.WaitForResourceHealthyAsync("api", Cancel);
        });
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task It_asks_which_table_to_resync_and_tells_the_answer()
    {
        var app = await stack.StartedAsync(Cancel);
        await using var dashboard = await DashboardAsync(app);
        await dashboard.TryAsync(async page =>
        {
            await CommandAsync(page, "cdc-processor", "Resync a table");
            var dialog = page.Locator("fluent-dialog");
            await ShowsAsync(dialog.GetByText("Copies one table anew").First);
            // The tables are asked for when the dialog opens, and their arrival closes what is open.
            var product = dialog.Locator("fluent-option").GetByText("product", new() { Exact = true });
            await product.WaitForAsync(new() { State = WaitForSelectorState.Attached });
            await Wait.UntilAsync(
                async () =>
                {
                    if (!await product.IsVisibleAsync())
                        await dialog.Locator("fluent-dropdown").ClickAsync();
                    return await product.IsVisibleAsync();
                },
                "the list of tables", Cancel, TimeSpan.FromMilliseconds(Patience));
            await product.ClickAsync();
            await KeepAsync(page, "resync");
            await dialog.Locator("fluent-button").Filter(new() { HasText = "Resync a table" }).ClickAsync();

            await Assertions.Expect(dialog).ToHaveCountAsync(0, new() { Timeout = Patience });
            await page.GetByTitle("Notifications", new() { Exact = true }).ClickAsync();
            await ShowsAsync(page.GetByText("product will be copied anew").First);
            await KeepAsync(page, "resynced");
        });
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_statements_answer_opens_as_a_table()
    {
        var app = await stack.StartedAsync(Cancel);
        await using var dashboard = await DashboardAsync(app);
        await dashboard.TryAsync(async page =>
        {
            await CommandAsync(page, "clickhouse", "Ask by SQL");
            await AskAsync(page, "SELECT 6 * 7 AS answer", "Ask by SQL",
                page.Locator("fluent-dialog table").GetByText("42", new() { Exact = true }));
            await KeepAsync(page, "sql");
        });
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task No_page_shows_a_password_or_a_token()
    {
        var app = await stack.StartedAsync(Cancel);
        await PostCustomerAsync(app);
        await using var dashboard = await DashboardAsync(app);
        await dashboard.TryAsync(async page =>
        {
            var shown = new List<string>();
            foreach (var (resource, setting) in Settings)
            {
                // A resource's details name its settings, with their values masked.
                await page.Locator(".resource-name-text").GetByText(resource, new() { Exact = true }).ClickAsync();
                await page.GetByText(setting, new() { Exact = true }).First.WaitForAsync(new() { State = WaitForSelectorState.Attached });
                shown.Add(await page.ContentAsync());
            }

            foreach (var (resource, _) in Settings)
            {
                await page.GotoAsync(new Uri(dashboard.Address, $"/consolelogs/resource/{resource}").ToString());
                await page.Locator(".log-content").First.WaitForAsync(new() { State = WaitForSelectorState.Attached });
                shown.Add(await page.ContentAsync());
            }

            foreach (var path in (string[])["/structuredlogs", "/traces", "/parameters"])
            {
                await page.GotoAsync(new Uri(dashboard.Address, path).ToString());
                await page.WaitForLoadStateAsync(LoadState.NetworkIdle);
                shown.Add(await page.ContentAsync());
            }

            foreach (var secret in SharedStack.Secrets)
                shown.Should().OnlyContain(html => !html.Contains(secret), "{0} is a secret", secret);
        });
    }

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task A_database_is_as_its_server_is()
    {
        var app = await stack.StartedAsync(Cancel);

        (await app.ResourceCommands.ExecuteCommandAsync("clickhouse", KnownResourceCommands.StopCommand, Cancel)).Success.Should().BeTrue();
        try
        {
            await app.ResourceNotifications.WaitForResourceAsync("star", KnownResourceStates.TerminalStates, Cancel);
        }
        finally
        {
            await app.ResourceCommands.ExecuteCommandAsync("clickhouse", KnownResourceCommands.StartCommand, Cancel);
        }

        await app.ResourceNotifications.WaitForResourceHealthyAsync("star", Cancel);
    }

    private const float Patience = 120_000;

    private static readonly (string Resource, string Setting)[] Settings =
    [
        ("postgres", "EMBEDDED_POSTGRES_PASSWORD"), ("clickhouse", "EmbeddedClickHouse__Password"),
        ("cdc-processor", "Operations__Token"), ("api", "ConnectionStrings__shop"),
    ];

    private static Task ShowsAsync(ILocator locator) => Assertions.Expect(locator).ToBeVisibleAsync(new() { Timeout = Patience });

    private static ILocator Row(IPage page, string resource) =>
        page.Locator("tr").Filter(new() { Has = page.Locator(".resource-name-text").GetByText(resource, new() { Exact = true }) });

    /// <summary>Chooses a command in the menu of a resource; where there are several, they stand in a menu of their own.</summary>
    private static async Task CommandAsync(IPage page, string resource, string command)
    {
        await Row(page, resource).GetByTitle("Actions").ClickAsync();
        var item = page.Locator("fluent-menu-item").GetByText(command, new() { Exact = true });
        var commands = page.GetByTitle("Commands", new() { Exact = true });
        await Wait.UntilAsync(
            async () => await commands.IsVisibleAsync() || (await item.CountAsync() > 0 && await item.Last.IsVisibleAsync()),
            $"the menu of {resource} to show", Cancel);
        // A click would close the menu below which it is.
        if (await commands.IsVisibleAsync())
            await commands.HoverAsync();
        await KeepAsync(page, "commands-of-" + resource);
        await item.Last.ClickAsync();
    }

    /// <summary>
    /// Answers the dialog that asks for a text, until the answer shows. It is shown anew as it likes, and what is written or clicked at
    /// that moment is lost. Nothing is typed: beside the field keys are the dashboard's own.
    /// </summary>
    private static Task AskAsync(IPage page, string text, string button, ILocator answer)
    {
        var field = page.Locator("fluent-dialog fluent-text-input");
        return Wait.UntilAsync(
            async () =>
            {
                if (await field.IsVisibleAsync())
                    await WriteAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return await answer.IsVisibleAsync();
            },
            $"the answer to '{text}'", Cancel);

        async Task WriteAsync()
        {
            await field.Locator("input").FillAsync(text, new() { Timeout = 5_000 });
            await page.Locator("fluent-dialog fluent-button").Filter(new() { HasText = button }).ClickAsync(new() { Timeout = 5_000 });
            await field.WaitForAsync(new() { State = WaitForSelectorState.Detached, Timeout = 20_000 });
        }
    }

    private static Task KeepAsync(IPage page, string name) => Browser.KeepAsync(page, name);

    private static async Task PostCustomerAsync(DistributedApplication app)
    {
        using var api = app.CreateHttpClient("api");
        (await api.PostAsJsonAsync(
            "/api/customers", new { email = $"{Guid.NewGuid():N}@example.com", name = "Ada", country = "UK", city = "London" }, Cancel))
            .EnsureSuccessStatusCode();
    }

    /// <summary>An order with a line, of a new customer; returns its trace's id.</summary>
    private static async Task<string> PostOrderAsync(DistributedApplication app)
    {
        using var api = app.CreateHttpClient("api");
        var lsn = "";
        var customerId = await PostAsync("customers", new
        {
            email = $"{Guid.NewGuid():N}@example.com",
            name = "Ada",
            country = "UK",
            city = "London"
        });
        var productId = await PostAsync("products", new { name = "Mouse", category = "Tools", price = 1.5m });
        // Transactions of one batch share its steps, which are in the trace of the first: the order shall come alone.
        using (var read = new HttpRequestMessage(HttpMethod.Get, "/api/analytics/orders-by-status"))
        {
            read.Headers.Add("X-Min-Lsn", lsn);
            (await api.SendAsync(read, Cancel)).EnsureSuccessStatusCode();
        }
        var trace = ActivityTraceId.CreateRandom().ToHexString();
        await PostAsync("orders", new { customerId, total = 3m, items = new[] { new { productId, quantity = 2, price = 1.5m } } }, trace);
        return trace;

        async Task<long> PostAsync<T>(string resource, T row, string? trace = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/{resource}") { Content = JsonContent.Create(row) };
            if (trace is not null)
                request.Headers.Add("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01");
            using var answer = await api.SendAsync(request, Cancel);
            answer.EnsureSuccessStatusCode();
            lsn = answer.Headers.GetValues("X-Commit-Lsn").Single();
            return (await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("id").GetInt64();
        }
    }

    private async Task<Dashboard> DashboardAsync(DistributedApplication app) =>
        new(await chromium.OpenAsync(Cancel), app.GetEndpoint("aspire-dashboard", "http"));

    private sealed record Dashboard(Browser Browser, Uri Address) : IAsyncDisposable
    {
        private const int Attempts = 5;

        /// <summary>Carries out the steps on a page that has logged in and shows the resources.</summary>
        /// <remarks>
        /// The dashboard's own circuit ends now and then as it opens a dialog, and its page says so and is dead. That is no fault of the
        /// graph, so the steps are tried again. What the dialog had asked is still asked on every page, and is answered first.
        /// </remarks>
        public async Task TryAsync(Func<IPage, Task> steps)
        {
            for (var attempt = 1; attempt <= Attempts; attempt++)
            {
                if (await SucceedsAsync(steps))
                    return;
                await AnswerAsync();
            }

            Assert.Skip($"The dashboard's own page has died {Attempts} times.");
        }

        public ValueTask DisposeAsync() => Browser.DisposeAsync();

        /// <returns>False where the dashboard's own script has failed.</returns>
        private async Task<bool> SucceedsAsync(Func<IPage, Task> steps)
        {
            var page = await PageAsync();
            var dead = page.Locator("#blazor-error-ui").WaitForAsync(new() { Timeout = 0 });
            var work = steps(page);
            if (await Task.WhenAny(work, dead) == work
                && (work.IsCompletedSuccessfully || !await page.Locator("#blazor-error-ui").IsVisibleAsync()))
            {
                if (work.Exception?.InnerException is { } fault)
                    throw await DescribeAsync(fault, page);
                await CancelAsync(page);
                await work;
                return true;
            }

            await page.CloseAsync();
            await work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return false;
        }

        private static async Task<Exception> DescribeAsync(Exception fault, IPage page)
        {
            var shown = page.Locator("body").InnerTextAsync(new() { Timeout = 5_000 });
            await ((Task)shown).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await CancelAsync(page).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return new InvalidOperationException(
                $"{fault.Message}\nThe page showed:\n{(shown.IsCompletedSuccessfully ? await shown : "nothing")}", fault);
        }

        /// <summary>
        /// Cancels what a dead page has left asked, until a page shows nothing of it; one that shows it may die of it, too.
        /// </summary>
        private async Task AnswerAsync()
        {
            for (var isAsked = true; isAsked;)
            {
                var page = await PageAsync();
                await ShowsAsync(Row(page, "cdc-processor"));
                var dialog = page.Locator("fluent-dialog").First.WaitForAsync(
                    new() { State = WaitForSelectorState.Attached, Timeout = 5_000 });
                await dialog.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                isAsked = dialog.IsCompletedSuccessfully;
                if (isAsked)
                    await CancelOf(page).ClickAsync(new() { Timeout = 5_000 }).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await page.CloseAsync();
            }
        }

        private async Task<IPage> PageAsync()
        {
            var page = await Browser.PageAsync(1600);
            page.SetDefaultTimeout(Patience);
            await page.GotoAsync(new Uri(Address, $"/login?t={SharedStack.BrowserToken}").ToString());
            return page;
        }

        /// <summary>
        /// A dialog that a failed test leaves must not stand in the others' way. One that closes by itself may be seen and not be clicked.
        /// </summary>
        private static Task CancelAsync(IPage page) => Wait.UntilAsync(
            async () =>
            {
                if (await CancelOf(page).IsVisibleAsync())
                    await CancelOf(page).ClickAsync(new() { Timeout = 1_000 }).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return !await CancelOf(page).IsVisibleAsync();
            },
            "the dialog to close", Cancel, TimeSpan.FromMilliseconds(Patience));

        private static ILocator CancelOf(IPage page) =>
            page.Locator("fluent-dialog fluent-button").GetByText("Cancel", new() { Exact = true });
    }
}
