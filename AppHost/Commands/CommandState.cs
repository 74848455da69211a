using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AspireCdc.AppHost.Commands;

internal static class CommandState
{
    /// <summary>Only a resource that answers can be asked.</summary>
    public static ResourceCommandState WhenHealthy(UpdateCommandStateContext context) =>
        context.ResourceSnapshot.HealthStatus == HealthStatus.Healthy ? ResourceCommandState.Enabled : ResourceCommandState.Disabled;
}
