using Microsoft.AspNetCore.Mvc;

namespace AspireCdc.Api;

/// <summary>The seed's React client reads <c>{success, data}</c> and <c>{success, error: {message, code}}</c>; for it everything stands a second time under this prefix.</summary>
internal static class Envelope
{
    public const string Prefix = "/envelope";

    public static bool Holds(HttpContext http) => http.Request.Path.StartsWithSegments(Prefix);

    /// <summary>What comes before the data.</summary>
    public static ReadOnlyMemory<byte> Opening { get; } = """{"success":true,"data":"""u8.ToArray();

    /// <summary>What comes after it.</summary>
    public static ReadOnlyMemory<byte> Closing { get; } = "}"u8.ToArray();

    public static object Error(ProblemDetails problem) => new { success = false, error = new { message = Message(problem), code = Code(problem.Status) } };

    private static string Message(ProblemDetails problem) =>
        problem.Extensions.TryGetValue("errors", out var errors) && errors is IReadOnlyDictionary<string, string[]> fields
            ? string.Join("; ", fields.Select(field => $"{field.Key}: {string.Join(" ", field.Value)}"))
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
