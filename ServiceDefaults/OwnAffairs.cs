using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using OpenTelemetry;

namespace AspireCdc.ServiceDefaults;

/// <summary>
/// Leaves out of the traces what a service does for itself. A call that no request and no change has caused (a look at the lag, a check of
/// the health) comes every few seconds, and would bury what matters.
/// </summary>
internal sealed class OwnAffairs : BaseProcessor<Activity>
{
    /// <summary>The live page asks for as long as it is open: one endless trace.</summary>
    private const string LivePage = "/live";

    /// <summary>Whether requests of this path are of no interest.</summary>
    public static bool Includes(PathString path) => HealthEndpoints.Includes(path) || path.StartsWithSegments(LivePage) || path == "/ping";

    /// <inheritdoc />
    public override void OnStart(Activity data)
    {
        if (data.Kind != ActivityKind.Client || data.ParentId is not null)
            return;
        // What it calls in turn sees this and is left out as well.
        data.IsAllDataRequested = false;
        data.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
    }
}
