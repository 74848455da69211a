using AspireCdc.AppHost.Local.Running;
using Google.Protobuf.WellKnownTypes;
using Health = Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus;

namespace AspireCdc.AppHost.Local.Dashboard;

/// <summary>Turns snapshots into the dashboard's messages. There a resource's name ends with the instance, as the telemetry of its process has it.</summary>
internal sealed class ResourceMapper(string instance, IServiceProvider services)
{
    private readonly string _ending = $"-{instance}";

    /// <summary>The resource that the dashboard means.</summary>
    public string ResourceName(string dashboardName) => dashboardName.EndsWith(_ending, StringComparison.Ordinal) ? dashboardName[..^_ending.Length] : dashboardName;

    public Contract.Resource Map(ResourceEvent change)
    {
        var (resource, snapshot) = (change.Resource, change.Snapshot);
        var message = new Contract.Resource
        {
            Name = resource.Name + _ending,
            DisplayName = resource.Name,
            ResourceType = snapshot.ResourceType,
            Uid = resource.Name + _ending,
            IsHidden = snapshot.IsHidden,
            SupportsDetailedTelemetry = true,
        };
        if (snapshot.State is { } state)
        {
            message.State = state.Text;
            if (state.Style is { } style)
                message.StateStyle = style;
        }

        if (resource.Annotations.OfType<ResourceIconAnnotation>().LastOrDefault() is { } icon)
            message.IconName = icon.IconName;
        message.CreatedAt = Time(snapshot.CreationTimeStamp);
        message.StartedAt = Time(snapshot.StartTimeStamp);
        message.StoppedAt = Time(snapshot.StopTimeStamp);
        message.Environment.AddRange(snapshot.EnvironmentVariables.Select(variable =>
            new Contract.EnvironmentVariable { Name = variable.Name, Value = variable.Value ?? "", IsFromSpec = variable.IsFromSpec }));
        message.Properties.AddRange(snapshot.Properties.Select(property => new Contract.ResourceProperty { Name = property.Name, Value = ToValue(property.Value), IsSensitive = property.IsSensitive }));
        if (snapshot.ExitCode is { } exitCode)
            message.Properties.Add(new Contract.ResourceProperty { Name = "resource.exitCode", Value = Value.ForNumber(exitCode) });
        // The resources page lists a resource below its parent by this property, the graph by the relation.
        if (Dependencies.Relations(resource).FirstOrDefault(relation => relation.Type == Dependencies.Parent).Resource is { } parent)
            message.Properties.Add(new Contract.ResourceProperty { Name = "resource.parentName", Value = Value.ForString(parent.Name + _ending) });
        message.Urls.AddRange(snapshot.Urls.Select(Map));
        message.HealthReports.AddRange(snapshot.HealthReports.Select(Map));
        message.Relationships.AddRange(Dependencies.Relations(resource)
            .Where(relation => relation.Type != Dependencies.Telemetry)
            .Select(relation => new Contract.ResourceRelationship { ResourceName = relation.Resource.Name, Type = relation.Type }));
        message.Commands.AddRange(resource.Annotations.OfType<ResourceCommandAnnotation>().Select(command => Map(command, snapshot)));
        return message;
    }

    private Contract.ResourceCommand Map(ResourceCommandAnnotation command, CustomResourceSnapshot snapshot)
    {
        var state = command.UpdateState(new() { ResourceSnapshot = snapshot, Services = services });
        var message = new Contract.ResourceCommand
        {
            Name = command.Name,
            DisplayName = command.DisplayName,
            IsHighlighted = command.Options.IsHighlighted,
            State = state switch
            {
                ResourceCommandState.Enabled => Contract.ResourceCommandState.Enabled,
                ResourceCommandState.Disabled => Contract.ResourceCommandState.Disabled,
                _ => Contract.ResourceCommandState.Hidden,
            },
        };
        if (command.Options.ConfirmationMessage is { } question)
            message.ConfirmationMessage = question;
        if (command.Options.IconName is { } icon)
            message.IconName = icon;
        if (command.Options.Description is { } description)
            message.DisplayDescription = description;
        return message;
    }

    private static Contract.Url Map(UrlSnapshot url, int order)
    {
        // The first is the one that the resources page shows.
        var message = new Contract.Url
        {
            FullUrl = url.Url,
            IsInternal = url.IsInternal,
            IsInactive = url.IsInactive,
            DisplayProperties = new() { SortOrder = -order, DisplayName = url.DisplayProperties.DisplayName },
        };
        if (url.Name is { } endpoint)
            message.EndpointName = endpoint;
        return message;
    }

    private static Contract.HealthReport Map(HealthReportSnapshot report)
    {
        var message = new Contract.HealthReport
        {
            Key = report.Name,
            Description = report.Description ?? "",
            Exception = report.ExceptionText ?? "",
            LastRunAt = Time(report.LastRunAt),
        };
        if (report.Status is { } status)
            message.Status = status switch
            {
                Health.Healthy => Contract.HealthStatus.Healthy,
                Health.Degraded => Contract.HealthStatus.Degraded,
                _ => Contract.HealthStatus.Unhealthy,
            };
        return message;
    }

    private static Timestamp? Time(DateTime? time) => time is { } utc ? Timestamp.FromDateTime(utc) : null;

    private static Value ToValue(object? value) => value switch
    {
        null => Value.ForNull(),
        int number => Value.ForNumber(number),
        IEnumerable<string> list => Value.ForList([.. list.Select(Value.ForString)]),
        _ => Value.ForString(value.ToString()),
    };
}
