namespace AspireCdc.Api.Errors;

internal static class ProblemServices
{
    public static void AddProblems(this IServiceCollection services)
    {
        // Before ASP.NET's own, which leaves an error without a body where a client does not accept JSON.
        services.AddSingleton<IProblemDetailsWriter, ProblemWriter>();
        services.AddProblemDetails();
        services.AddExceptionHandler<ProblemHandler>();
    }
}
