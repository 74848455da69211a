using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AspireCdc.CdcProcessor.Running;

/// <summary>Healthy while changes flow, or another processor sees to that; degraded while dead letters wait.</summary>
internal sealed class ProcessorHealth(ProcessorStatus status) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(status.Phase switch
    {
        Phase.Streaming when status.OpenDeadLetters > 0 =>
            HealthCheckResult.Degraded($"{status.OpenDeadLetters} dead letters wait: 'CdcProcessor dead-letters list' shows them."),
        Phase.Streaming or Phase.StandingBy => HealthCheckResult.Healthy(status.Reason),
        Phase.Paused => HealthCheckResult.Degraded(status.Reason),
        _ => HealthCheckResult.Unhealthy(status.Reason),
    });
}
