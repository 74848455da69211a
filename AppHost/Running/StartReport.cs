using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using AspireCdc.AppHost.Embedded;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace AspireCdc.AppHost.Running;

/// <summary>Runs the application and tells on the console how its start goes: what is ready, what fails and why,
/// and in the end all addresses.</summary>
internal sealed partial class StartReport(DistributedApplication app)
{
    private const int LogLinesOfAFailure = 12;

    private readonly Dictionary<string, string> _told = [];

    /// <summary>Returns when the application has been stopped.</summary>
    public async Task<int> RunAsync()
    {
        if (app.Services.GetRequiredService<DistributedApplicationExecutionContext>().IsPublishMode)
            return await Publishing.RunAsync(app);
        var lifetime = app.Services.GetRequiredService<IHostApplicationLifetime>();
        var stopping = lifetime.ApplicationStopping;
        var report = ReportAsync(stopping);
        try
        {
            // Ends only when everything has been started, with its dependencies: what happens until then is told meanwhile.
            await app.StartAsync();
            await app.WaitForShutdownAsync(CancellationToken.None);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Ctrl-C came before that.
            await app.StopAsync();
        }

        await report.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Console.WriteLine("Stopped.");
        return 0;
    }

    private async Task ReportAsync(CancellationToken stopping)
    {
        var latest = new Dictionary<string, ResourceEvent>();
        stopping.Register(() => Console.WriteLine("Stopping …"));
        var wasReady = false;
        await foreach (var change in app.ResourceNotifications.WatchAsync(stopping))
        {
            latest[change.ResourceId] = change;
            // A database is as its server is, which is told already.
            if (change.Resource is not Database)
                await TellAsync(change, wasReady);
            if (!wasReady && Started.All(resource => latest.Values.Any(other => other.Resource == resource)) && latest.Values.All(IsReady))
            {
                wasReady = true;
                PrintAddresses(latest.Values.OrderBy(other => Model.Resources.IndexOf(other.Resource)));
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"ready in {(DateTime.Now - Process.GetCurrentProcess().StartTime).TotalSeconds:0.0} s"));
            }
        }
    }

    private async Task TellAsync(ResourceEvent change, bool wasReady)
    {
        var name = change.Resource.Name;
        var state = change.Snapshot.State?.Text ?? "";
        var news = HasFailed(change.Snapshot) ? $"failed ({state}{(change.Snapshot.ExitCode is { } code ? $", exit code {code}" : "")})"
            : state == KnownResourceStates.Finished ? "completed"
            : change.Snapshot is { HealthStatus: HealthStatus.Healthy, HealthReports.IsEmpty: false } ? "healthy"
            : change.Snapshot.HealthStatus == HealthStatus.Degraded ? $"ready, but: {WarningsOf(change.Snapshot)}"
            : "";
        if (news == "" || _told.GetValueOrDefault(name) == news)
            return;
        _told[name] = news;
        if (!HasFailed(change.Snapshot))
        {
            if (!wasReady)
                Console.WriteLine($"  {name,-20} {news}");
            return;
        }

        var lines = new List<string>();
        await foreach (var batch in app.Services.GetRequiredService<ResourceLoggerService>().GetAllAsync(change.Resource))
            lines.AddRange(batch.SelectMany(line => TimeBeforeALine.Replace(line.Content, "").Split('\n')));
        Console.WriteLine($"  {name,-20} {news}.{(lines.Count > 0 ? " Its last lines:" : "")}");
        foreach (var line in lines.TakeLast(LogLinesOfAFailure))
            Console.WriteLine($"      {line}");
        if (change.Snapshot.ResourceType == "Container" && EmbeddedPlatform.Current is not null)
            Console.WriteLine("  To do without containers: dotnet run --project AppHost -- --stack embedded");
    }

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\S+ ")]
    private static partial Regex TimeBeforeALine { get; }

    /// <summary>Aspire says Finished of a process that has crashed, too.</summary>
    private static bool HasFailed(CustomResourceSnapshot snapshot) =>
        snapshot.State?.Text == KnownResourceStates.FailedToStart
        || KnownResourceStates.TerminalStates.Contains(snapshot.State?.Text) && snapshot.ExitCode is not (null or 0);

    /// <summary>Nothing more is to be waited for: neither for what starts only when asked to, nor for a dashboard that is
    /// broken, nor for a mere value.</summary>
    private static bool IsReady(ResourceEvent change) =>
        change.Resource is not IResourceWithArgs
        || change.Snapshot.State?.Text == KnownResourceStates.Finished && !HasFailed(change.Snapshot)
        || change.Snapshot.HealthStatus is HealthStatus.Healthy or HealthStatus.Degraded
        || change.Snapshot.IsHidden && HasFailed(change.Snapshot)
        || change.Snapshot.State?.Text == KnownResourceStates.NotStarted
        && change.Resource.Annotations.OfType<ExplicitStartupAnnotation>().Any();

    private static string WarningsOf(CustomResourceSnapshot snapshot) =>
        string.Join(
            ' ', snapshot.HealthReports.Where(report => report.Status == HealthStatus.Degraded).Select(report => report.Description));

    /// <summary>What runs as a process or a container.</summary>
    private IEnumerable<IResource> Started => Model.Resources.OfType<IResourceWithArgs>();

    private DistributedApplicationModel Model => app.Services.GetRequiredService<DistributedApplicationModel>();

    /// <summary>The address comes last in its line, where it may be as long as it is and still be clicked.</summary>
    private static void PrintAddresses(IEnumerable<ResourceEvent> resources)
    {
        Console.WriteLine();
        foreach (var change in resources)
        {
            // What has no name of its own is for programs.
            foreach (var url in change.Snapshot.Urls.Where(url =>
                url.DisplayProperties.DisplayName != "" && url.DisplayProperties.DisplayName != url.Name))
                Console.WriteLine($"  {change.Resource.Name,-20} {url.DisplayProperties.DisplayName,-26} {url.Url}");
        }

        Console.WriteLine();
    }
}
