using System.Text.Json;
using AspireCdc.Api.Errors;

namespace AspireCdc.Api.Resources;

/// <summary>The JSON object of a request, with the bytes that it was read from.</summary>
internal sealed record RequestBody(byte[] Bytes, JsonElement Json)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    public static async Task<RequestBody> ReadAsync(HttpRequest request)
    {
        if (!request.HasJsonContentType())
            throw new ProblemException(
                StatusCodes.Status415UnsupportedMediaType, "The body has to be JSON: send Content-Type: application/json.");
        using var buffer = new MemoryStream();
        await request.Body.CopyToAsync(buffer, request.HttpContext.RequestAborted);
        var bytes = buffer.ToArray();
        try
        {
            var json = JsonElement.Parse(bytes, Strict);
            return json.ValueKind == JsonValueKind.Object ? new(bytes, json) : throw ProblemException.Invalid("$", "must be a JSON object");
        }
        catch (JsonException e)
        {
            // A field that stands twice is told without a place.
            var place = e is { LineNumber: { } line, BytePositionInLine: { } position }
                ? $" at line {line + 1}, byte {position + 1}"
                : ", or names a field twice";
            throw new ProblemException(
                StatusCodes.Status400BadRequest, bytes.Length == 0 ? "The body is empty." : $"The body is no valid JSON{place}.");
        }
    }
}
