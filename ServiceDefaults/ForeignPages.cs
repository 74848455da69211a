using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace AspireCdc.ServiceDefaults;

/// <summary>
/// Keeps web pages of other sites out. A port of this machine is within reach of every page that its browser shows: by a form, a script's
/// request, a
/// WebSocket, and by a name of the page's own site that leads here (DNS rebinding), for which no password and no firewall is in the way.
/// </summary>
public static partial class ForeignPages
{
    /// <summary>The configuration key of the origins whose pages may use this service, beside its own:
    /// <c>Cors__Origins__0=http://localhost:3001</c>.</summary>
    public const string OriginsKey = "Cors:Origins";

    /// <summary>Names that containers have for the machine they run on.</summary>
    private static readonly string[] OwnNames = ["localhost", "host.docker.internal", "host.containers.internal"];

    /// <summary>The origins of <see cref="OriginsKey"/>.</summary>
    public static string[] ReadOrigins(this IConfiguration configuration) => configuration.GetSection(OriginsKey).Get<string[]>() ?? [];

    /// <summary>
    /// Answers 403 where a browser says that a page of another origin asks, and 421 where the request is for a name that is not this
    /// machine's. Requests
    /// that no browser has sent pass.
    /// </summary>
    public static IApplicationBuilder UseForeignPageRefusal(this IApplicationBuilder app)
    {
        var configuration = app.ApplicationServices.GetRequiredService<IConfiguration>();
        var logger = app.ApplicationServices.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(ForeignPages));
        var origins = new HashSet<string>(configuration.ReadOrigins(), StringComparer.OrdinalIgnoreCase);
        var hosts = (configuration["AllowedHosts"] ?? "")
            .Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return app.Use(async (http, next) =>
        {
            if (Refuse(http, origins, hosts) is not { } refusal)
            {
                await next(http);
                return;
            }

            LogRefused(logger, http.Request.Method, http.Request.Path, refusal.Reason);
            await TypedResults.Problem(refusal.Reason, statusCode: refusal.Status).ExecuteAsync(http);
        });
    }

    private static (int Status, string Reason)? Refuse(HttpContext http, HashSet<string> origins, string[] hosts)
    {
        var request = http.Request;
        var host = request.Host.Host;
        if (IsLoopback(http.Connection.LocalIpAddress) && !IsOwnName(host, hosts))
            return (StatusCodes.Status421MisdirectedRequest,
                $"'{host}' is no name of this machine: ask for localhost, or add the name to AllowedHosts (names with ; between them).");

        foreach (var origin in request.Headers.Origin)
        {
            if (!IsOwnOrigin(origin, request) && !origins.Contains(origin!))
                return (StatusCodes.Status403Forbidden,
                    $"Pages of {origin} may not use this service: Cors__Origins__0={origin} in its environment lets them.");
        }

        // An image, a script or a frame of another site names no origin, but browsers say where it comes from; a link that somebody
        // follows is none of these.
        if (request.Headers.Origin.Count == 0 && request.Headers["Sec-Fetch-Site"] == "cross-site"
            && !(request.Headers["Sec-Fetch-Mode"] == "navigate" && request.Headers["Sec-Fetch-Dest"] == "document"
                && HttpMethods.IsGet(request.Method)))
            return (StatusCodes.Status403Forbidden, "Pages of other sites may not use this service.");
        return null;
    }

    /// <summary>An address, and a name without a dot, cannot be a page's own; any other has to be known.</summary>
    private static bool IsOwnName(string host, string[] hosts) =>
        host.Length == 0
        || !host.Contains('.')
        || IPAddress.TryParse(host.Trim('[', ']'), out _)
        || OwnNames.Contains(host, StringComparer.OrdinalIgnoreCase)
        || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
        || hosts.Any(allowed => allowed.StartsWith("*.", StringComparison.Ordinal)
            ? host.EndsWith(allowed[1..], StringComparison.OrdinalIgnoreCase)
            : allowed.Equals(host, StringComparison.OrdinalIgnoreCase));

    /// <summary>By its host and port: behind a proxy that ends TLS, the scheme is another one.</summary>
    private static bool IsOwnOrigin(string? origin, HttpRequest request) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var page) && page.Scheme is "http" or "https"
        && string.Equals(page.Authority, request.Host.Value, StringComparison.OrdinalIgnoreCase);

    private static bool IsLoopback(IPAddress? address) => address is null || IPAddress.IsLoopback(address);

    [LoggerMessage(1, LogLevel.Debug, "Refused {Method} {Path}: {Reason}")]
    private static partial void LogRefused(ILogger logger, string method, PathString path, string reason);
}
