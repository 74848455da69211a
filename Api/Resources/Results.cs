using System.Text.Json;
using AspireCdc.Api.Errors;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;

namespace AspireCdc.Api.Resources;

/// <summary>Answers with one resource.</summary>
internal sealed class ResourceResult(Representation resource, int status = StatusCodes.Status200OK) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = status;
        response.Headers.ETag = resource.Tag.ToString();
        response.ContentType = "application/json; charset=utf-8";
        if (!Envelope.Holds(httpContext))
        {
            response.ContentLength = resource.Json.Length;
            await response.BodyWriter.WriteAsync(resource.Json, httpContext.RequestAborted);
            return;
        }
        var closing = Envelope.ClosingOf(httpContext.Request);
        response.ContentLength = Envelope.Opening.Length + resource.Json.Length + closing.Length;
        await response.BodyWriter.WriteAsync(Envelope.Opening, httpContext.RequestAborted);
        await response.BodyWriter.WriteAsync(resource.Json, httpContext.RequestAborted);
        await response.BodyWriter.WriteAsync(closing, httpContext.RequestAborted);
    }
}

/// <summary>Answers with rows as they come: a list needs no more memory than one of its buffers, however long it is.</summary>
internal sealed partial class ListResult<T>(IAsyncEnumerable<T> rows) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var (response, aborted) = (httpContext.Response, httpContext.RequestAborted);
        var json = httpContext.RequestServices.GetRequiredService<IOptions<JsonOptions>>().Value.SerializerOptions;
        await using var enumerator = rows.GetAsyncEnumerator(aborted);
        // The query starts here, while its failure can still be told by a status.
        var first = await enumerator.MoveNextAsync();
        response.ContentType = "application/json; charset=utf-8";
        if (Envelope.Holds(httpContext)) await response.BodyWriter.WriteAsync(Envelope.Opening, aborted);
        try
        {
            await JsonSerializer.SerializeAsync(response.BodyWriter, Started(enumerator, first), json, aborted);
        }
        catch (Exception e) when (DatabaseProblem.From(e) is { } problem)
        {
            // Half a list must not look like a whole one, and for a status it is too late.
            LogCutOff(
                httpContext.RequestServices.GetRequiredService<ILogger<ListResult<T>>>(), problem.Message, e.GetBaseException().Message);
            httpContext.Abort();
            return;
        }
        if (Envelope.Holds(httpContext)) await response.BodyWriter.WriteAsync(Envelope.ClosingOf(httpContext.Request), aborted);
    }

    [LoggerMessage(12, LogLevel.Warning, "A list is cut off: {Problem} ({Cause})")]
    private static partial void LogCutOff(ILogger log, string problem, string cause);

    private static async IAsyncEnumerable<T> Started(IAsyncEnumerator<T> enumerator, bool more)
    {
        for (; more; more = await enumerator.MoveNextAsync()) yield return enumerator.Current;
    }
}
