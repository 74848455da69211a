using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Mvc;

namespace AspireCdc.Api.Errors;

/// <summary>Tells the client what an exception means for it, and never more than that: no SQL, no stack trace.</summary>
internal sealed partial class ProblemHandler(IProblemDetailsService problems, ILogger<ProblemHandler> log) : IExceptionHandler
{
    private const int RetryAfterSeconds = 1;

    public async ValueTask<bool> TryHandleAsync(HttpContext http, Exception exception, CancellationToken cancellationToken)
    {
        if (http.RequestAborted.IsCancellationRequested) return true; // Nobody is there to be answered.
        var problem = Describe(exception);
        if (problem.Status == StatusCodes.Status503ServiceUnavailable) http.Response.Headers.RetryAfter = RetryAfterSeconds.ToString();
        if (problem.Status >= 500 && exception is not ProblemException { Status: not StatusCodes.Status503ServiceUnavailable })
            Log(exception, problem);

        var details = new ProblemDetails { Status = problem.Status, Detail = problem.Message };
        if (problem.Errors is { } errors) details.Extensions["errors"] = errors;
        foreach (var (name, value) in problem.Extensions) details.Extensions[name] = value;
        http.Response.StatusCode = problem.Status;
        await problems.WriteAsync(new ProblemDetailsContext { HttpContext = http, ProblemDetails = details });
        return true;
    }

    private static ProblemException Describe(Exception exception) => exception switch
    {
        ProblemException problem => problem,
        BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } =>
            new(StatusCodes.Status413PayloadTooLarge, "The body is too large."),
        BadHttpRequestException bad => new(bad.StatusCode, "The request cannot be read."),
        _ => DatabaseProblem.From(exception)
            ?? new(StatusCodes.Status500InternalServerError, "Something went wrong here; the log says what."),
    };

    private void Log(Exception exception, ProblemException problem)
    {
        if (problem.Status == StatusCodes.Status503ServiceUnavailable)
            LogUnavailable(log, problem.Message, exception.GetBaseException().Message);
        else LogFailure(log, exception);
    }

    [LoggerMessage(10, LogLevel.Warning, "Unavailable: {Problem} ({Cause})")]
    private static partial void LogUnavailable(ILogger log, string problem, string cause);

    [LoggerMessage(11, LogLevel.Error, "A request failed")]
    private static partial void LogFailure(ILogger log, Exception exception);
}
