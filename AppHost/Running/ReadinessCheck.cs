using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AspireCdc.AppHost.Running;

/// <summary>
/// Asks a service whether it is ready, and tells its reasons. Aspire asks again a second later, then two, then three; so a question that
/// finds a service starting is asked on for a while before it is answered.
/// </summary>
internal static class ReadinessCheck
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4), AskAgain = TimeSpan.FromMilliseconds(50),
        AnswerWithin = TimeSpan.FromSeconds(5);

    /// <summary>Watches the endpoint <c>http</c> at that path, which answers 200 when the service is ready.</summary>
    public static IResourceBuilder<T> WithReadinessCheck<T>(this IResourceBuilder<T> builder, string path) where T : IResourceWithEndpoints
    {
        var http = builder.GetEndpoint("http");
        // A proxy knows nothing of this machine.
        var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = AnswerWithin };
        return builder.WithPatientCheck($"{builder.Resource.Name}{path}", cancellationToken =>
            AskAsync(client, new Uri($"{http.Url}{path}"), cancellationToken));
    }

    /// <summary>Watches the resource by a check of its own.</summary>
    /// <param name="builder">The resource.</param>
    /// <param name="key">The check's name, which the dashboard shows.</param>
    /// <param name="ask">Asks once.</param>
    public static IResourceBuilder<T> WithPatientCheck<T>(
        this IResourceBuilder<T> builder, string key, Func<CancellationToken, Task<HealthCheckResult>> ask) where T : IResource
    {
        builder.ApplicationBuilder.Services.AddHealthChecks().AddAsyncCheck(key, async cancellationToken =>
        {
            var since = TimeProvider.System.GetTimestamp();
            while (true)
            {
                var answer = await ask(cancellationToken);
                if (answer.Status != HealthStatus.Unhealthy || TimeProvider.System.GetElapsedTime(since) > Patience)
                    return answer;
                await Task.Delay(AskAgain, cancellationToken);
            }
        });
        return builder.WithHealthCheck(key);
    }

    private static async Task<HealthCheckResult> AskAsync(HttpClient client, Uri address, CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await client.GetAsync(address, cancellationToken);
            var text = await answer.Content.ReadAsStringAsync(cancellationToken);
            return !answer.IsSuccessStatusCode
                ? HealthCheckResult.Unhealthy(Reasons(text, "reasons") ?? $"{address} answered {(int)answer.StatusCode}.")
                : Reasons(text, "warnings") is { } warnings ? HealthCheckResult.Degraded(warnings)
                : HealthCheckResult.Healthy();
        }
        catch (HttpRequestException exception)
        {
            return HealthCheckResult.Unhealthy(exception.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return HealthCheckResult.Unhealthy($"{address} has not answered within {AnswerWithin.TotalSeconds:0} s.");
        }
    }

    /// <summary>As the services' health endpoints tell them: an object of sentences.</summary>
    private static string? Reasons(string text, string property)
    {
        try
        {
            using var report = JsonDocument.Parse(text);
            return report.RootElement.ValueKind == JsonValueKind.Object && report.RootElement.TryGetProperty(property, out var reasons)
                ? string.Join(' ', reasons.EnumerateObject().Select(reason => reason.Value.GetString()))
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
