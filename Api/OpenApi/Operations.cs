using System.Text.Json.Nodes;
using AspireCdc.Api.Errors;
using AspireCdc.Api.Resources;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.OpenApi;

namespace AspireCdc.Api.OpenApi;

/// <summary>Parameters, headers and errors of the endpoints, said once for all resources.</summary>
internal static class Operations
{
    private static readonly Dictionary<string, string> ParameterTexts = new()
    {
        ["id"] = "The key.",
        ["limit"] = $"The rows of a page, 1 to {Page.MaxLimit}; without it the whole list is streamed.",
        ["after"] = "Only rows with a greater id; the Link header has it for the next page.",
        ["If-Match"] = "The ETag that was read: the request fails with 412 if the row has changed since.",
        ["If-None-Match"] = "The ETag that is known already: 304 if the row still has it.",
        ["Idempotency-Key"] = "A name for this request: sent again with the same key, it gets the first answer and writes nothing.",
    };

    private static readonly Dictionary<string, string> Problems = new()
    {
        ["400"] = "The body is no valid JSON.",
        ["404"] = "There is no such row.",
        ["409"] = "The database's constraints forbid it: a value is taken, or the row is in use.",
        ["412"] = "The row has changed since it was read.",
        ["413"] = "The body is too large.",
        ["415"] = "The body is not application/json.",
        ["422"] = "One or more fields are invalid.",
        ["500"] = "Something went wrong here; the log says what.",
        ["501"] = "X-Min-Lsn asks for what cannot be told: Redpanda Connect does not say which commits a partition has passed.",
        ["503"] = "The database does not answer, or has no tables yet.",
        ["504"] = "ClickHouse has not reached X-Min-Lsn in time; appliedLsn is how far it has come.",
    };

    public static Task TransformAsync(
        OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellation)
    {
        if (context.Description.RelativePath?.StartsWith("api/analytics/", StringComparison.Ordinal) == true)
        {
            AnalyticsOperations.Describe(operation);
            foreach (var (status, response) in operation.Responses?.Select(entry => (entry.Key, (OpenApiResponse)entry.Value)) ?? [])
                DescribeProblem(status, response, HttpMethods.Get, "analytics");
            return Task.CompletedTask;
        }
        foreach (var parameter in operation.Parameters?.OfType<OpenApiParameter>() ?? [])
        {
            if (ParameterTexts.TryGetValue(parameter.Name ?? "", out var text)) parameter.Description = text;
            if (parameter.Name == "limit")
                parameter.Schema = new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "1", Maximum = Page.MaxLimit.ToString() };
            if (parameter.Name is "after" or "id")
                parameter.Schema = new OpenApiSchema { Type = JsonSchemaType.Integer, Format = "int64", Minimum = "0" };
        }
        foreach (var (status, response) in operation.Responses?.Select(entry => (entry.Key, (OpenApiResponse)entry.Value)) ?? [])
            Describe(status, response, context.Description.HttpMethod ?? "",
                context.Description.RelativePath?.Split('/').ElementAtOrDefault(1) ?? "");
        return Task.CompletedTask;
    }

    private static void DescribeProblem(string status, OpenApiResponse response, string method, string resource)
    {
        if (Problems.TryGetValue(status, out var problem))
        {
            response.Description = problem;
            foreach (var content in response.Content?.Values.OfType<OpenApiMediaType>() ?? [])
                content.Example = ExampleOf(int.Parse(status), problem, method, resource);
        }
        if (status == "503") AddHeader(response, "Retry-After", "After how many seconds to try again.");
    }

    private static void Describe(string status, OpenApiResponse response, string method, string resource)
    {
        DescribeProblem(status, response, method, resource);
        if (status == "201") AddHeader(response, "Location", "The path of the new row.");
        if (status is "200" or "201" or "304" && !response.IsList()) AddHeader(response, "ETag", "Stands for this state of the row.");
        if (status == "200" && response.IsList())
            AddHeader(response, "Link", "With limit: the next page, rel=\"next\"; absent on the last.");
        if (status[0] == '2' && method != HttpMethods.Get)
            AddHeader(response, CommitPosition.Header, "The position in PostgreSQL's WAL at which this write is visible.");
    }

    private static bool IsList(this OpenApiResponse response) =>
        response.Content?.Values.Any(content => content.Schema?.Type == JsonSchemaType.Array) ?? false;

    internal static void AddHeader(OpenApiResponse response, string name, string description) =>
        (response.Headers ??= new Dictionary<string, IOpenApiHeader>())[name] =
            new OpenApiHeader { Description = description, Schema = new OpenApiSchema { Type = JsonSchemaType.String } };

    /// <summary>An error as this resource gives it.</summary>
    private static JsonObject ExampleOf(int status, string otherwise, string method, string resource)
    {
        var fields = status == StatusCodes.Status422UnprocessableEntity ? InvalidFields(method, resource)
            // Of a unique index.
            : status == StatusCodes.Status409Conflict && resource == "customers" && method != HttpMethods.Delete
            ? new() { ["email"] = ["is taken"] }
            : [];
        var detail = status switch
        {
            StatusCodes.Status409Conflict when fields.Count > 0 => "Another customer has this email.",
            StatusCodes.Status409Conflict when resource == "products" =>
            "The product 1 is in use by a row of orderitem: delete that first.",
            _ when fields.Count > 0 => ProblemException.Sentence(fields),
            StatusCodes.Status404NotFound => $"There is no {resource.TrimEnd('s').Replace('-', ' ')} 1.",
            _ => otherwise,
        };
        var example = new JsonObject { ["title"] = ReasonPhrases.GetReasonPhrase(status), ["status"] = status, ["detail"] = detail };
        if (fields.Count > 0)
            example["errors"] = new JsonObject(fields.Select(field =>
                KeyValuePair.Create(field.Key, (JsonNode?)new JsonArray(
                    [.. field.Value.Select(complaint => JsonValue.Create(complaint))]))));
        return example;
    }

    private static Dictionary<string, string[]> InvalidFields(string method, string resource) => (method, resource) switch
    {
        ("GET", _) => new() { ["limit"] = [FieldErrors.NoInteger(1, Page.MaxLimit)] },
        (_, "products") => new() { ["name"] = ["must have 1 to 255 characters"], ["price"] = ["must have at most two decimals"] },
        (_, "orders") => new() { ["customerId"] = ["names no customer that exists"] },
        (_, "order-items") => new() { ["quantity"] = ["must be greater than 0"] },
        _ => new() { ["email"] = ["must be an email address"] },
    };
}
