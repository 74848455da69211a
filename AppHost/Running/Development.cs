using System.Diagnostics;
using System.Globalization;
using AspireCdc.AppHost.Embedded;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AspireCdc.AppHost.Running;

/// <summary>What this graph, on plain http and with a start report of its own, wants otherwise than Aspire does by default.</summary>
internal static class Development
{
    public static void RunAsInDevelopment(this IDistributedApplicationBuilder builder)
    {
        var configuration = builder.Configuration;
        configuration["AppHost:DashboardApplicationName"] = "AspireCdc";
        // Asking for newer packages takes a process and a second of every start; who wants to know runs `aspire update`.
        configuration["ASPIRE_VERSION_CHECK_DISABLED"] = "true";
        // A `dotnet run` that is killed hard would leave a stack behind that nobody sees: Aspire ends with the process that this names.
        if (DotNetRun() is { } process)
            configuration["ASPIRE_CLI_PID"] ??= process.ToString(CultureInfo.InvariantCulture);

        builder.StartBuiltPrograms();
#pragma warning disable ASPIRECERTIFICATES001 // Aspire may still change its form.
        builder.Services.AddSingleton<IDeveloperCertificateService, OrchestratorCertificate>();
#pragma warning restore ASPIRECERTIFICATES001
        builder.Services.AddHostedService<CrashRestarts>();
        builder.Services.AddHostedService<OrderedStop>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromMinutes(1));
        // The start report tells the rest, and more briefly.
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Warning)
            // Ctrl-C during the start is no failure of it.
            .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None)
            // Nor is a browser that leaves a page of the dashboard.
            .AddFilter("Aspire.Hosting.Dashboard.Components", LogLevel.None)
            .AddFilter("Aspire.Hosting.Dashboard.ThirdParty.Microsoft.AspNetCore.Components", LogLevel.None)
            // A user's very first start makes a key for cookies.
            .AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error)
            // A killed process takes the end of its log along.
            .AddFilter("Aspire.Hosting.Dcp.DcpExecutor", LogLevel.Critical));

        var environment = configuration["ENVIRONMENT"] ?? Environments.Development;
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
                    resource.Annotations.Add(
                        new EnvironmentCallbackAnnotation(variables => variables["ASPNETCORE_ENVIRONMENT"] = environment));
            }

            return Task.CompletedTask;
        });
    }

    /// <summary>The <c>dotnet run</c> that has started this process; any other parent may end without it, as a
    /// shell does under <c>nohup</c>.</summary>
    private static int? DotNetRun()
    {
        // It sets this variable, and no shell does.
        if (OperatingSystem.IsWindows() || Environment.GetEnvironmentVariable("DOTNET_LAUNCH_PROFILE") is null)
            return null;
        try
        {
            using var parent = Process.GetProcessById(Posix.ParentProcessId());
            return parent.ProcessName == "dotnet" ? parent.Id : null;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
