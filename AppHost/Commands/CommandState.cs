using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AspireCdc.AppHost.Commands;

internal static class CommandState
{
    /// <summary>What mends a resource must be offered while it is unhealthy, too.</summary>
    public static ResourceCommandState WhenRunning(UpdateCommandStateContext context) =>
        context.ResourceSnapshot.State?.Text == KnownResourceStates.Running ? ResourceCommandState.Enabled : ResourceCommandState.Disabled;

    /// <summary>Only a resource that answers can be asked; one that has a warning does, and a command may be its cure.</summary>
    public static ResourceCommandState WhenHealthy(UpdateCommandStateContext context) =>
        context.ResourceSnapshot.HealthStatus is HealthStatus.Healthy or HealthStatus.Degraded
            ? ResourceCommandState.Enabled : ResourceCommandState.Disabled;
}
