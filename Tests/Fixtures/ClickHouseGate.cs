using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.Extensions.Logging;

namespace AspireCdc.Tests.Fixtures;

/// <summary>Stands before a ClickHouse server and holds requests up, as a slow disk would, until the test lets them through.</summary>
internal sealed class ClickHouseGate : IAsyncDisposable
{
    private readonly HttpClient _http = new() { Timeout = Timeout.InfiniteTimeSpan };
    private readonly WebApplication _app;
    private readonly TaskCompletionSource _held = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? _holds;

    private ClickHouseGate(WebApplication app, Uri server)
    {
        _app = app;
        app.Run(context => PassAsync(context, server));
    }

    /// <summary>Completes when a request is held up.</summary>
    public Task Held => _held.Task;

    public static async Task<ClickHouseGate> StartAsync(TestClickHouse database)
    {
        var builder = WebApplication.CreateBuilder(["--urls", "http://127.0.0.1:0"]);
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options => options.Limits.MaxRequestBodySize = null);
        var gate = new ClickHouseGate(builder.Build(), database.Address);
        await gate._app.StartAsync();
        return gate;
    }

    /// <summary>To the database through the gate.</summary>
    public string ConnectionStringOf(TestClickHouse database) => (database with { Address = new Uri(_app.Urls.First()) }).ConnectionString;

    /// <summary>From now on every request whose statement contains this waits.</summary>
    public void Hold(string statement) => _holds = statement;

    /// <summary>Lets everything through, for good.</summary>
    public void Open() => _open.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        Open();
        await _app.StopAsync();
        await _app.DisposeAsync();
        _http.Dispose();
    }

    private async Task PassAsync(HttpContext context, Uri server)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        var statement = Uri.UnescapeDataString(context.Request.QueryString.Value ?? "") +
            System.Text.Encoding.UTF8.GetString(body.GetBuffer(), 0, (int)Math.Min(body.Length, 1000));
        if (_holds is { } holds && statement.Contains(holds, StringComparison.Ordinal) && !_open.Task.IsCompleted)
        {
            _held.TrySetResult();
            await _open.Task.WaitAsync(context.RequestAborted);
        }

        using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method),
            new Uri(server, context.Request.GetEncodedPathAndQuery()))
        { Content = new ByteArrayContent(body.ToArray()) };
        foreach (var (name, value) in context.Request.Headers.Where(header => header.Key is "Authorization"))
            request.Headers.TryAddWithoutValidation(name, (string?)value);
        request.Content.Headers.TryAddWithoutValidation("Content-Type", context.Request.ContentType);
        using var answer = await _http.SendAsync(request, context.RequestAborted);
        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var header in answer.Headers.Where(header => header.Key.StartsWith("X-ClickHouse", StringComparison.OrdinalIgnoreCase)))
            context.Response.Headers[header.Key] = header.Value.First();
        await answer.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
    }
}
