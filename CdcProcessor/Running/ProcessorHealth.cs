using AspireCdc.CdcProcessor.Verification;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace AspireCdc.CdcProcessor.Running;

/// <summary>
/// Healthy while changes flow, or another processor sees to that. Degraded, which is still ready, while dead letters wait, a table is in doubt or the sink is far behind: no restart cures any.
/// A paused processor is not ready, for PostgreSQL's WAL grows as long as it rests.
/// </summary>
internal sealed class ProcessorHealth(ProcessorStatus status, VerificationState verification, IOptions<CdcOptions> options) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(status.Phase switch
    {
        Phase.Streaming when string.Join(' ', Warnings()) is { Length: > 0 } warnings => HealthCheckResult.Degraded(warnings),
        Phase.Streaming or Phase.StandingBy => HealthCheckResult.Healthy(status.Reason),
        _ => HealthCheckResult.Unhealthy(status.Reason),
    });

    private IEnumerable<string> Warnings()
    {
        foreach (var doubt in status.Doubts.All)
            yield return $"{doubt}";
        if (status.OpenDeadLetters > 0)
            yield return $"{status.OpenDeadLetters} dead letters wait: 'CdcProcessor dead-letters list' shows them.";
        if (verification.Warning is { } differs)
            yield return differs;
        if (status.Lag is var lag && lag.Seconds > options.Value.MaxLag.TotalSeconds)
            yield return $"The sink is {TimeSpan.FromSeconds(Math.Floor(lag.Seconds)):g} and {lag.Bytes} bytes of WAL behind, and Cdc:MaxLag is {options.Value.MaxLag:g}: if that does not shrink, the sink is too slow or does not answer.";
    }
}
