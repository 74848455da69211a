using System.Diagnostics;
using Microsoft.AspNetCore.WebUtilities;

namespace AspireCdc.Api.Errors;

/// <summary>
/// Writes every error of this service, routing's own included: <c>application/problem+json</c> whatever the client says that it
/// accepts, and the envelope under its prefix.
/// </summary>
internal sealed class ProblemWriter : IProblemDetailsWriter
{
    public bool CanWrite(ProblemDetailsContext context) => true;

    public async ValueTask WriteAsync(ProblemDetailsContext context)
    {
        var (http, problem) = (context.HttpContext, context.ProblemDetails);
        var status = problem.Status ??= http.Response.StatusCode;
        http.Response.StatusCode = status;
        problem.Title = ReasonPhrases.GetReasonPhrase(status);
        problem.Extensions["traceId"] = Activity.Current?.Id ?? http.TraceIdentifier;

        if (Envelope.Holds(http))
            await http.Response.WriteAsJsonAsync(Envelope.Error(problem), http.RequestAborted);
        else
            await http.Response.WriteAsJsonAsync(problem, options: null, "application/problem+json", http.RequestAborted);
    }
}
