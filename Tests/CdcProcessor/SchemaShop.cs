using AspireCdc.Star.Postgres;
using AspireCdc.Tests.Fixtures;
using Microsoft.AspNetCore.Builder;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>A shop whose tables are changed under a processor that streams, and what its health says of that.</summary>
internal static class SchemaShop
{
    /// <summary>A look at the catalog comes every five seconds, and waits for the stream.</summary>
    public static TimeSpan Long { get; } = TimeSpan.FromMinutes(2);

    /// <summary>A few rows, and the event triggers if they are wanted.</summary>
    public static async Task<Store> CreateAsync(
        PostgresServer postgres, ClickHouseServer clickhouse, CancellationToken cancellationToken, bool withTriggers = false)
    {
        var shop = await Store.CreateAsync(postgres, clickhouse, cancellationToken);
        foreach (var statement in withTriggers ? SchemaTrigger.All.SelectMany(trigger => trigger.Statements) : [])
            await shop.ExecuteAsync(statement, cancellationToken);
        await shop.ExecuteAsync(Store.FewRows, cancellationToken);
        return shop;
    }

    /// <summary>The status code and the body of <c>/ready</c>, as soon as they are as expected.</summary>
    public static async Task<string> WaitForReadyAsync(
        WebApplication processor, Func<string, bool> expected, Store shop, CancellationToken cancellationToken)
    {
        using var http = Client(processor);
        return await Wait.ForAsync(
            async () =>
            {
                var response = await http.GetAsync("/ready", cancellationToken);
                var body = await response.Content.ReadAsStringAsync(cancellationToken);
                body = body.Replace("\\u0027", "'", StringComparison.Ordinal).Replace("\\u0022", "\"", StringComparison.Ordinal);
                return $"{(int)response.StatusCode} {body}";
            },
            expected, $"/ready; log:\n{shop.Log}", cancellationToken, Long);
    }

    public static HttpClient Client(WebApplication processor) => new() { BaseAddress = new Uri(processor.Urls.First()) };
}
