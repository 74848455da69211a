using System.Text.Json;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AspireCdc.AppHost.Local.Running;

/// <summary>Healthy while the address answers with the expected status; otherwise the description is what it answered.</summary>
internal sealed class HttpHealthCheck(HttpClient client, EndpointReference endpoint, string path, int statusCode) : IHealthCheck
{
    private const int LongestDescription = 500;

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            timeout.CancelAfter(TimeSpan.FromSeconds(5));
            using var response = await client.GetAsync(new Uri(new Uri(endpoint.Url), path), timeout.Token);
            if ((int)response.StatusCode == statusCode)
                return HealthCheckResult.Healthy();
            var answer = await response.Content.ReadAsStringAsync(timeout.Token);
            return HealthCheckResult.Unhealthy(Reasons(answer) ?? $"{path} answered {(int)response.StatusCode} {answer[..Math.Min(answer.Length, LongestDescription)]}".TrimEnd());
        }
        catch (HttpRequestException exception)
        {
            return HealthCheckResult.Unhealthy($"{path} does not answer: {exception.Message}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return HealthCheckResult.Unhealthy($"{path} does not answer within 5 s");
        }
    }

    /// <summary>What the service says itself: <c>{"reasons":{"database":"It does not answer."}}</c></summary>
    private static string? Reasons(string answer)
    {
        try
        {
            using var json = JsonDocument.Parse(answer);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("reasons", out var reasons)
                ? string.Join(' ', reasons.EnumerateObject().Select(reason => $"{reason.Name}: {reason.Value}"))
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
