using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AspireCdc.AppHost;

/// <summary>What this graph, on plain http and with a start report of its own, wants otherwise than Aspire does by default.</summary>
internal static class Development
{
    public static void RunAsInDevelopment(this IDistributedApplicationBuilder builder)
    {
        builder.Configuration["AppHost:DashboardApplicationName"] = "AspireCdc";
        // AppHost ends after what it has started, so that the next start finds the ports and the databases' files free.
        builder.Configuration["DcpPublisher:WaitForResourceCleanup"] = "true";
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromMinutes(1));
        // The start report tells the rest, and more briefly.
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Warning)
            // Ctrl-C during the start is no failure of it.
            .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None)
            // Nor is a browser that leaves a page of the dashboard.
            .AddFilter("Aspire.Hosting.Dashboard.Components", LogLevel.None));

        var environment = builder.Configuration["ENVIRONMENT"] ?? Environments.Development;
        builder.Eventing.Subscribe<BeforeStartEvent>((start, _) =>
        {
            foreach (var resource in start.Model.Resources)
            {
                // Nothing serves https; Aspire would warn all the same where the machine has no trusted developer certificate.
#pragma warning disable ASPIRECERTIFICATES001 // Aspire may still change its form.
                resource.Annotations.Add(new HttpsCertificateAnnotation { UseDeveloperCertificate = false });
#pragma warning restore ASPIRECERTIFICATES001
                // In development the API has its pages and lets every origin in.
                if (resource is ProjectResource)
                    resource.Annotations.Add(new EnvironmentCallbackAnnotation(variables => variables["ASPNETCORE_ENVIRONMENT"] = environment));
            }

            return Task.CompletedTask;
        });
    }
}
