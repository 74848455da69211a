using System.Diagnostics;

namespace AspireCdc.Api.Resources;

/// <summary>
/// Spans of what a request does beside its statements. Mostly that is next to nothing; at the first request of its kind it is nearly all of
/// the time.
/// </summary>
internal static class RequestStep
{
    private static readonly ActivitySource Source = new("AspireCdc.Api");

    /// <summary>Begins a step; null where the request is not traced.</summary>
    public static Activity? Begin(string name) => Activity.Current is { Recorded: true } ? Source.StartActivity(name) : null;
}
