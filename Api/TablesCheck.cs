using AspireCdc.Api.Errors;
using AspireCdc.Shop;
using AspireCdc.Star.Postgres;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AspireCdc.Api;

/// <summary>Not ready before all tables are there.</summary>
internal sealed class TablesCheck(ShopContext context) : IHealthCheck
{
    public const string Name = "tables";

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext healthCheck, CancellationToken cancellationToken = default)
    {
        try
        {
            var looks = context.Model.GetEntityTypes().Select(entity =>
                $"SELECT 1 FROM {PostgresSql.Name(entity.GetTableName()!)} WHERE false");
            await context.Database.ExecuteSqlRawAsync(string.Join(" UNION ALL ", looks), cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (Exception e) when (DatabaseProblem.From(e) is { } problem)
        {
            return new HealthCheckResult(healthCheck.Registration.FailureStatus, problem.Message);
        }
    }
}
