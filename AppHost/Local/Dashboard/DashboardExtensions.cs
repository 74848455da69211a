using AspireCdc.AppHost.Local.Running;
using Microsoft.Extensions.DependencyInjection;

namespace AspireCdc.AppHost.Local.Dashboard;

/// <summary>The Aspire dashboard as one more resource, which it does not list itself; and the projects' telemetry, which goes to it.</summary>
internal static class DashboardExtensions
{
    public const string ResourceName = "aspire-dashboard";

    /// <summary>The setting with the path of the <c>aspire</c> executable, which brings the dashboard.</summary>
    public const string AspireCli = "AppHost:AspireCli";

    /// <summary>A second between what happens and what the dashboard shows; OpenTelemetry's own defaults are five and sixty.</summary>
    private const string ExportInterval = "1000";

    public static void AddDashboard(this IDistributedApplicationBuilder builder)
    {
        var keys = DashboardKeys.From(builder.Configuration);
        var resourceService = new ResourceServiceAddress();
        builder.Services.AddSingleton(keys).AddSingleton(resourceService).AddHostedService<ResourceServiceHost>();

        var projects = builder.Resources.OfType<ProjectResource>().ToList();
        var dashboard = builder.AddExecutable(ResourceName, builder.Configuration[AspireCli]!, builder.AppHostDirectory, "dashboard", "run", "--nologo", "--non-interactive")
            .WithAnnotation(new HiddenAnnotation())
            .WithHttpEndpoint(port: new Ports(builder.Configuration).Dashboard)
            .WithEndpoint(scheme: "http", name: "otlp-grpc")
            .WithEndpoint(scheme: "http", name: "otlp-http")
            .WithUrlForEndpoint("http", url =>
            {
                url.Url += $"/login?t={keys.BrowserToken}";
                url.DisplayText = "Dashboard";
            })
            .WithHttpHealthCheck("/login")
            .WithEnvironment("ASPIRE_CLI_TELEMETRY_OPTOUT", "true")
            .WithEnvironment("NO_COLOR", "1")
            .WithEnvironment("DOTNET_TieredPGO", "0") // It counts while it starts, for a speed that nobody needs here.
            .WithEnvironment("DASHBOARD__APPLICATIONNAME", "AspireCdc")
            .WithEnvironment("DASHBOARD__FRONTEND__AUTHMODE", "BrowserToken")
            .WithEnvironment("DASHBOARD__FRONTEND__BROWSERTOKEN", keys.BrowserToken)
            .WithEnvironment("DASHBOARD__OTLP__AUTHMODE", "ApiKey")
            .WithEnvironment("DASHBOARD__OTLP__PRIMARYAPIKEY", keys.Otlp)
            .WithEnvironment("DASHBOARD__API__AUTHMODE", "ApiKey")
            .WithEnvironment("DASHBOARD__API__PRIMARYAPIKEY", keys.Api)
            .WithEnvironment("DASHBOARD__RESOURCESERVICECLIENT__AUTHMODE", "ApiKey")
            .WithEnvironment("DASHBOARD__RESOURCESERVICECLIENT__APIKEY", keys.ResourceService)
            .WithEnvironment(context => context.EnvironmentVariables["ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL"] = resourceService.Url);
        dashboard.WithArgs("--frontend-url", dashboard.GetEndpoint("http"));
        // Not by its options, since these variables go before them and AppHost's launch profile has some, for Aspire's own hosting.
        dashboard.WithEnvironment("ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL", ReferenceExpression.Create($"{dashboard.GetEndpoint("otlp-grpc")}"));
        dashboard.WithEnvironment("ASPIRE_DASHBOARD_OTLP_HTTP_ENDPOINT_URL", ReferenceExpression.Create($"{dashboard.GetEndpoint("otlp-http")}"));

        foreach (var project in projects)
            SendTelemetry(project, dashboard, keys);
    }

    private static void SendTelemetry(ProjectResource project, IResourceBuilder<ExecutableResource> dashboard, DashboardKeys keys)
    {
        project.Annotations.Add(new EnvironmentCallbackAnnotation(context =>
        {
            var variables = context.EnvironmentVariables;
            variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = dashboard.GetEndpoint("otlp-grpc");
            variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = "grpc";
            variables["OTEL_EXPORTER_OTLP_HEADERS"] = $"x-otlp-api-key={keys.Otlp}";
            variables["OTEL_SERVICE_NAME"] = project.Name;
            variables["OTEL_RESOURCE_ATTRIBUTES"] = $"service.instance.id={keys.Instance}";
            variables["OTEL_BLRP_SCHEDULE_DELAY"] = ExportInterval;
            variables["OTEL_BSP_SCHEDULE_DELAY"] = ExportInterval;
            variables["OTEL_METRIC_EXPORT_INTERVAL"] = ExportInterval;
            variables["OTEL_METRICS_EXEMPLAR_FILTER"] = "trace_based";
        }));
        // So that the dashboard is there until the last project has sent its last span.
        project.Annotations.Add(new ResourceRelationshipAnnotation(dashboard.Resource, Dependencies.Telemetry));
    }
}
