using System.Net.Http.Headers;
using System.Text.Json;

namespace AspireCdc.Api.Live;

/// <summary>
/// Asks a CdcProcessor: the service <c>cdc-processor</c> (<c>services__cdc-processor__http__0=http://localhost:4196</c>), or
/// <c>connector</c>, where our connector fills a topic.
/// </summary>
internal sealed class ProcessorClient(HttpClient http)
{
    /// <summary>The services that may be there.</summary>
    public const string Processor = "cdc-processor", Connector = "connector";

    /// <summary>What it does, as server-sent events.</summary>
    /// <exception cref="HttpRequestException">It does not answer, or refuses.</exception>
    public async Task<HttpResponseMessage> FollowAsync(CancellationToken cancellationToken)
    {
        var response = await http.GetAsync("/operations/flow", HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (response.IsSuccessStatusCode)
            return response;
        using (response)
            throw new HttpRequestException(await ReasonAsync(response, cancellationToken), null, response.StatusCode);
    }

    /// <summary>The comparison with PostgreSQL that runs, or the last one, as the processor tells it.</summary>
    /// <exception cref="HttpRequestException">It does not answer, or refuses.</exception>
    public Task<JsonElement> ReadVerificationAsync(CancellationToken cancellationToken) =>
        http.GetFromJsonAsync<JsonElement>("/operations/verify", cancellationToken);

    /// <summary>Asks for an operation; returns what the processor says of it.</summary>
    public async Task<(bool Done, string Says)> PostAsync(string operation, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await http.PostAsync($"/operations/{operation}", null, cancellationToken);
            return (response.IsSuccessStatusCode, await ReasonAsync(response, cancellationToken));
        }
        catch (HttpRequestException e)
        {
            return (false, $"The processor does not answer: {e.GetBaseException().Message}");
        }
    }

    /// <summary>Adds one for each service, by its name.</summary>
    public static void AddTo(IServiceCollection services)
    {
        foreach (var service in (string[])[Processor, Connector])
        {
            var client = services.AddHttpClient(service, (provider, http) =>
            {
                http.BaseAddress = new($"http://{service}");
                http.Timeout = Timeout.InfiniteTimeSpan; // Watching has no end; who asks says how long to wait.
                http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("live-page", null));
                if (provider.GetRequiredService<IConfiguration>()["Operations:Token"] is { Length: > 0 } token)
                    http.DefaultRequestHeaders.Authorization = new("Bearer", token);
            });
#pragma warning disable EXTEXP0001 // May still change its form. Retries would hide for seconds that the processor is away.
            client.RemoveAllResilienceHandlers();
#pragma warning restore EXTEXP0001
            services.AddKeyedTransient(service, (provider, _) =>
                new ProcessorClient(provider.GetRequiredService<IHttpClientFactory>().CreateClient(service)));
        }
    }

    private static async Task<string> ReasonAsync(HttpResponseMessage response, CancellationToken cancellationToken) =>
        await response.Content.ReadAsStringAsync(cancellationToken) is { Length: > 0 } text
            ? text.Trim('"') : $"It answers {(int)response.StatusCode}.";
}
