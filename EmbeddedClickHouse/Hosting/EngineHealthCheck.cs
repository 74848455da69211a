using AspireCdc.EmbeddedClickHouse.Engine;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AspireCdc.EmbeddedClickHouse.Hosting;

internal sealed class EngineHealthCheck(ChdbEngine engine) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await engine.CheckAsync(cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (ClickHouseException e)
        {
            return HealthCheckResult.Unhealthy($"ClickHouse does not answer: {e.Message}");
        }
    }
}
