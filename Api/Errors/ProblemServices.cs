namespace AspireCdc.Api.Errors;

internal static class ProblemServices
{
    public static void AddProblems(this IServiceCollection services)
    {
        services.AddSingleton<IProblemDetailsWriter, ProblemWriter>(); // Before ASP.NET's own, which leaves an error without a body where a client does not accept JSON.
        services.AddProblemDetails();
        services.AddExceptionHandler<ProblemHandler>();
    }
}
