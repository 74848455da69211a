using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.CdcProcessor.Verification;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace AspireCdc.CdcProcessor.Running;

/// <summary>
/// Healthy while changes flow, or another processor sees to that. Degraded, which is still ready, while dead letters wait, a table is in
/// doubt, rows differ or the sink is far behind: no restart cures any. The same goes for a pause, which somebody has asked for. One that
/// stands by is healthy if it could take over.
/// </summary>
internal sealed class ProcessorHealth(ProcessorStatus status, VerificationState verification, SignsOfLife signs, CopyProgress copies,
    IOptions<CdcOptions> options) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        status.Phase switch
        {
            Phase.Streaming when string.Join(' ', Warnings()) is { Length: > 0 } warnings => HealthCheckResult.Degraded(warnings),
            Phase.Paused => HealthCheckResult.Degraded(status.Reason + " PostgreSQL keeps its WAL meanwhile."),
            Phase.StandingBy when !await signs.SinkAnswersAsync(cancellationToken) =>
            HealthCheckResult.Unhealthy($"{status.Reason} ClickHouse does not answer it, so it could not take over."),
            Phase.Streaming => HealthCheckResult.Healthy(copies.Summary is { Length: > 0 } copying ? copying : status.Reason),
            Phase.StandingBy => HealthCheckResult.Healthy(status.Reason),
            _ => HealthCheckResult.Unhealthy(status.Reason),
        };

    private IEnumerable<string> Warnings()
    {
        foreach (var doubt in status.Doubts.All)
            yield return $"{doubt}";
        if (status.OpenDeadLetters > 0)
            yield return $"{status.OpenDeadLetters} dead letters wait: 'CdcProcessor dead-letters list' shows them.";
        if (verification.Warning is { } differs)
            yield return differs;
        if (status.Lag is var lag && lag.Seconds > options.Value.MaxLag.TotalSeconds)
            yield return $"The sink is {TimeSpan.FromSeconds(Math.Floor(lag.Seconds)):g} and {lag.Bytes} bytes of WAL behind, and " +
                $"Cdc:MaxLag is {options.Value.MaxLag:g}: if that does not shrink, the sink is too slow or does not answer.";
    }
}
