using System.Diagnostics;

namespace AspireCdc.ServiceDefaults;

/// <summary>Sends the trace along, without a span of its own for the request.</summary>
internal sealed class TraceHeader(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    /// <inheritdoc />
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (Activity.Current is { Recorded: true, Id: { } id })
            request.Headers.TryAddWithoutValidation("traceparent", id);
        return base.SendAsync(request, cancellationToken);
    }
}
