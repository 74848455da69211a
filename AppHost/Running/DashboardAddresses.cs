using System.Net;
using System.Net.Sockets;

namespace AspireCdc.AppHost.Running;

/// <summary>Where Aspire's dashboard listens. The launch profile says it for `dotnet run`; this is for every other start, and
/// for a port that was chosen.</summary>
internal static class DashboardAddresses
{
    public static void PlaceDashboard(this IDistributedApplicationBuilder builder, Ports ports)
    {
        var configuration = builder.Configuration;
        if (configuration["Ports:Dashboard"] is null && configuration["ASPNETCORE_URLS"] is not null)
            return;
        configuration["ASPIRE_ALLOW_UNSECURED_TRANSPORT"] = "true";
        configuration["ASPNETCORE_URLS"] = $"http://localhost:{ports.Dashboard ?? FreePort()}";
        configuration["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] = $"http://localhost:{ports.Dashboard + 1 ?? FreePort()}";
        configuration["ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL"] = $"http://localhost:{ports.Dashboard + 2 ?? FreePort()}";
    }

    /// <summary>Tells the service where the dashboard is, which its live page leads to; a deployment has its own.</summary>
    public static IResourceBuilder<ProjectResource> WithDashboardAddress(this IResourceBuilder<ProjectResource> service) =>
        service.ApplicationBuilder is { ExecutionContext.IsRunMode: true, Configuration: var configuration }
        && configuration["ASPNETCORE_URLS"]?.Split(';') is [{ Length: > 0 } address, ..]
            ? service.WithEnvironment("Live__Dashboard", address)
            : service;

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
