using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AspireCdc.ServiceDefaults;

/// <summary><c>/health</c> and <c>/ready</c> run every check, <c>/alive</c> only those that a restart could cure.</summary>
internal static class HealthEndpoints
{
    /// <summary>The tag of checks that say whether the process itself works.</summary>
    public const string Live = "live";

    private static readonly string[] Ready = ["/health", "/ready"];
    private const string Alive = "/alive";

    public static void Map(IEndpointRouteBuilder routes)
    {
        foreach (var path in Ready)
            routes.MapHealthChecks(path, new HealthCheckOptions { ResponseWriter = WriteAsync });
        routes.MapHealthChecks(
            Alive, new HealthCheckOptions { Predicate = check => check.Tags.Contains(Live), ResponseWriter = WriteAsync });
    }

    public static bool Includes(PathString path) => path == Alive || Ready.Any(ready => path == ready);

    private static Task WriteAsync(HttpContext context, HealthReport report) =>
        report.Status switch
        {
            HealthStatus.Unhealthy =>
                context.Response.WriteAsJsonAsync(new { status = "unhealthy", reasons = Reasons(report) }, context.RequestAborted),
            // Ready all the same, but somebody should look.
            HealthStatus.Degraded =>
                context.Response.WriteAsJsonAsync(new { status = "ok", warnings = Reasons(report) }, context.RequestAborted),
            _ => context.Response.WriteAsJsonAsync(new { status = "ok" }, context.RequestAborted),
        };

    private static Dictionary<string, string> Reasons(HealthReport report) => report.Entries
        .Where(entry => entry.Value.Status != HealthStatus.Healthy)
        .ToDictionary(entry => entry.Key, entry => entry.Value.Description ?? entry.Value.Exception?.Message ?? "no reason given");
}
