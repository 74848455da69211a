using AspireCdc.Tests.Fixtures;
using Microsoft.Playwright;
using Xunit;

[assembly: AssemblyFixture(typeof(Chromium))]

namespace AspireCdc.Tests.Fixtures;

/// <summary>
/// A Chromium of this machine, for all tests and started when the first one asks for it; none is downloaded, and where there is none the
/// test is skipped.
/// </summary>
public sealed class Chromium : IAsyncDisposable
{
    private static readonly string[] Names =
        ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

    private readonly SemaphoreSlim _starting = new(1);
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    /// <summary>Pages of one test, which go with it.</summary>
    internal async Task<Browser> OpenAsync(CancellationToken cancellationToken)
    {
        var executable = Find();
        await _starting.WaitAsync(cancellationToken);
        try
        {
            _playwright ??= await Playwright.CreateAsync();
            _browser ??= await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = executable, Args = ["--no-sandbox"] });
            return new Browser(_browser);
        }
        finally
        {
            _starting.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
        _starting.Dispose();
    }

    private static string Find()
    {
        var found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .SelectMany(folder => Names.Select(name => Path.Combine(folder, name)))
            .Append("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
            .FirstOrDefault(File.Exists);
        if (found is null && Environment.GetEnvironmentVariable("CI") != "true")
            Assert.Skip("There is no Chromium or Chrome on this machine, which this test drives.");
        return found ?? throw new InvalidOperationException("CI needs a browser: install chromium.");
    }
}

/// <summary>The pages of one test.</summary>
internal sealed class Browser(IBrowser browser) : IAsyncDisposable
{
    private readonly List<IBrowserContext> _contexts = [];

    public async Task<IPage> PageAsync(int width = 1280, int height = 900, ColorScheme scheme = ColorScheme.Light)
    {
        var context =
            await browser.NewContextAsync(new() { ViewportSize = new() { Width = width, Height = height }, ColorScheme = scheme });
        _contexts.Add(context);
        return await context.NewPageAsync();
    }

    /// <summary>A picture for whoever asks for it: ASPIRECDC_SCREENSHOTS names the folder.</summary>
    public static async Task KeepAsync(IPage page, string name)
    {
        if (Environment.GetEnvironmentVariable("ASPIRECDC_SCREENSHOTS") is { Length: > 0 } folder)
            await page.ScreenshotAsync(new() { Path = Path.Combine(folder, name + ".png"), FullPage = true });
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var context in _contexts)
            await context.DisposeAsync();
    }
}
