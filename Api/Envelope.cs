using AspireCdc.Api.Errors;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AspireCdc.Api;

/// <summary>The seed's React client reads <c>{success, data}</c> and <c>{success, error: {message, code}}</c>; for it everything stands a
/// second time under this prefix.</summary>
internal static class Envelope
{
    public const string Prefix = "/envelope";

    /// <summary>
    /// The configuration key of the origins whose pages get envelopes without the prefix, too: those of the seed's client, whose preset
    /// address has none.
    /// </summary>
    private const string OriginsKey = "Envelope:Origins";

    public static bool Holds(HttpContext http) =>
        http.Request.Path.StartsWithSegments(Prefix)
        || http.Request.Headers.Origin is [{ } origin] && http.Request.Path.StartsWithSegments("/api")
        && http.RequestServices.GetRequiredService<IConfiguration>().GetSection(OriginsKey).Get<string[]>()?.Contains(origin) == true;

    /// <summary>What comes before the data.</summary>
    public static ReadOnlyMemory<byte> Opening { get; } = """{"success":true,"data":"""u8.ToArray();

    /// <summary>What comes after it.</summary>
    public static ReadOnlyMemory<byte> ClosingOf(HttpRequest request) =>
        HttpMethods.IsPost(request.Method) ? Created : HttpMethods.IsPut(request.Method) || HttpMethods.IsPatch(request.Method) ? Updated
        : Found;

    private static readonly ReadOnlyMemory<byte>
        Created = ""","message":"created"}"""u8.ToArray(), Updated = ""","message":"updated"}"""u8.ToArray(),
        Found = ""","message":"ok"}"""u8.ToArray();

    /// <summary>The client's settings ask whether the API is there, under the address that they name.</summary>
    public static void MapEnvelopeHealth(this IEndpointRouteBuilder routes) =>
        routes.MapHealthChecks($"{Prefix}/health", new() { ResponseWriter = WriteHealthAsync });

    private static Task WriteHealthAsync(HttpContext http, HealthReport report) => report.Status == HealthStatus.Unhealthy
        ? http.Response.WriteAsJsonAsync(Error(new()
        {
            Status = StatusCodes.Status503ServiceUnavailable,
            Detail = string.Join("; ", report.Entries.Values.Where(entry => entry.Status == HealthStatus.Unhealthy)
                .Select(entry => entry.Description)),
        }), http.RequestAborted)
        : http.Response.WriteAsJsonAsync(new { success = true, data = new { status = "ok" }, message = "ok", status = "ok" },
            http.RequestAborted);

    public static object Error(ProblemDetails problem) =>
        new { success = false, error = new { message = Message(problem), code = Code(problem.Status) } };

    private static string Message(ProblemDetails problem) =>
        problem.Extensions.TryGetValue("errors", out var errors) && errors is IReadOnlyDictionary<string, string[]> fields
            ? ProblemException.Sentence(fields)
            : problem.Detail ?? problem.Title ?? "";

    private static string Code(int? status) => status switch
    {
        StatusCodes.Status404NotFound => "not_found",
        StatusCodes.Status409Conflict or StatusCodes.Status412PreconditionFailed => "conflict",
        StatusCodes.Status422UnprocessableEntity => "validation_failed",
        StatusCodes.Status503ServiceUnavailable => "unavailable",
        >= 500 => "internal",
        _ => "bad_request",
    };
}
