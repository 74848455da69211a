using AspireCdc.Api.Errors;
using AspireCdc.Shop;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AspireCdc.Api;

/// <summary>Not ready before the tables are there.</summary>
internal sealed class TablesCheck(ShopContext context) : IHealthCheck
{
    public const string Name = "tables";

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext healthCheck, CancellationToken cancellationToken = default)
    {
        try
        {
            await context.IdempotencyKeys.AnyAsync(cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (Exception e) when (DatabaseProblem.From(e) is { } problem)
        {
            return new HealthCheckResult(healthCheck.Registration.FailureStatus, problem.Message);
        }
    }
}
