using System.Security.Cryptography;
using Microsoft.Extensions.Configuration;

namespace AspireCdc.AppHost.Local.Dashboard;

/// <summary>Who may open the dashboard, send it telemetry and read resources: random for every run, unless the configuration sets them.</summary>
/// <param name="Instance">Tells this run's telemetry from that of others; the dashboard ties telemetry and resource together by it.</param>
internal sealed record DashboardKeys(string BrowserToken, string Otlp, string Api, string ResourceService, string Instance)
{
    public static DashboardKeys From(IConfiguration configuration) => new(
        configuration["AppHost:BrowserToken"] ?? Random(),
        configuration["AppHost:OtlpApiKey"] ?? Random(),
        configuration["AppHost:DashboardApiKey"] ?? Random(),
        configuration["AppHost:ResourceService:ApiKey"] ?? Random(),
        RandomNumberGenerator.GetString("abcdefghijkmnpqrstuvwxyz23456789", 8));

    private static string Random() => RandomNumberGenerator.GetHexString(32, lowercase: true);
}

/// <summary>Where the resource service listens, once it does.</summary>
internal sealed class ResourceServiceAddress
{
    private string? _url;

    public string Url
    {
        get => _url ?? throw new InvalidOperationException("The resource service has not started.");
        set => _url = value;
    }
}
