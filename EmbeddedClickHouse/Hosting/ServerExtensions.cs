using System.Net;
using AspireCdc.EmbeddedClickHouse.Engine;
using AspireCdc.EmbeddedClickHouse.Http;
using AspireCdc.EmbeddedClickHouse.Play;
using AspireCdc.EmbeddedClickHouse.Sessions;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using OpenTelemetry.Instrumentation.AspNetCore;

namespace AspireCdc.EmbeddedClickHouse.Hosting;

/// <summary>What <c>Program.cs</c> puts together.</summary>
internal static class ServerExtensions
{
    private const string DefaultAddress = "http://localhost:18123";
    private const int MaxUrl = 1024 * 1024 + 64 * 1024;
    private static readonly TimeSpan TimeToFinish = TimeSpan.FromSeconds(5);

    public static void AddEngine(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<EmbeddedClickHouseOptions>().BindConfiguration(EmbeddedClickHouseOptions.Section);
        builder.Services.AddSingleton<IValidateOptions<EmbeddedClickHouseOptions>, EmbeddedClickHouseOptionsValidator>();
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<ChdbEngine>();
        builder.Services.AddHealthChecks().AddCheck<EngineHealthCheck>("clickhouse");
    }

    public static void AddHttpInterface(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<SessionStore>();
        builder.Services.AddSingleton<QueryEndpoint>();
        builder.Services.AddRequestDecompression(decompression => RequestDecompression.AddTo(decompression.DecompressionProviders));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeToFinish);

        // A query is part of somebody's trace or of none: those of services that look after themselves would bury the rest.
        builder.Services.PostConfigure<AspNetCoreTraceInstrumentationOptions>(tracing =>
        {
            var others = tracing.Filter;
            tracing.Filter = context => context.Request.Headers.ContainsKey("traceparent") && (others is null || others(context));
            tracing.EnrichWithHttpResponse = (activity, response) =>
                activity.DisplayName = QueryEndpoint.StatementOf(response.HttpContext) ?? activity.DisplayName;
        });

        if (string.IsNullOrEmpty(builder.Configuration[WebHostDefaults.ServerUrlsKey]))
            builder.WebHost.UseUrls(DefaultAddress);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.ConfigureEndpointDefaults(RequireLoopback);
            var limits = kestrel.Limits;
            limits.MaxRequestLineSize = MaxUrl;
            limits.MaxRequestBufferSize = MaxUrl * 2;
            // An INSERT may be as large as it likes, and a reader as slow.
            limits.MaxRequestBodySize = null;
            limits.MinRequestBodyDataRate = null;
            limits.MinResponseDataRate = null;
        });
        // A response that is cut short on purpose is no error of the web server's.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Critical);
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        // Why the server cannot start, Program.cs says.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
    }

    public static void MapHttpInterface(this WebApplication app)
    {
        app.UseRequestDecompression();
        app.MapMethods("/ping", [HttpMethods.Get, HttpMethods.Head], () => Results.Text("Ok.\n", "text/html; charset=UTF-8"));
        app.MapPlayPage();
        app.MapGet("/replicas_status", () => Results.Text("Ok.\n", "text/plain; charset=UTF-8"));
        var endpoint = app.Services.GetRequiredService<QueryEndpoint>();
        app.MapMethods("/", [HttpMethods.Get, HttpMethods.Head, HttpMethods.Post], async context =>
        {
            if (!HttpMethods.IsPost(context.Request.Method) && !context.Request.QueryString.HasValue)
                await Results.Text("Ok.\n", "text/html; charset=UTF-8").ExecuteAsync(context);
            else
                await endpoint.HandleAsync(context);
        });
        app.MapFallback(context =>
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            context.Response.ContentType = "text/plain; charset=UTF-8";
            return context.Response.WriteAsync(
                $"There is no handle {context.Request.Path}\n\nUse / or /ping for health checks.\nSend queries from your program with " +
                "POST method or GET /?query=...\n");
        });
    }

    /// <summary>Everybody who reaches the port could guess the password; so nobody but this machine does.</summary>
    private static void RequireLoopback(ListenOptions listen)
    {
        if (listen.IPEndPoint is { } address && !IPAddress.IsLoopback(address.Address))
            throw new EngineStartException(
                $"EmbeddedClickHouse listens on this machine only, not on {address}: set ASPNETCORE_URLS or --urls to an address like " +
                $"{DefaultAddress}.");
    }
}
