namespace Aspire.Hosting.ApplicationModel;

internal enum EndpointProperty
{
    Url,
    Host,
    Port,
    TargetPort,
}

/// <summary>An endpoint of a resource by name; its port is known once the application starts.</summary>
internal sealed class EndpointReference(IResourceWithEndpoints owner, string endpointName) : IValueProvider
{
    public IResourceWithEndpoints Resource => owner;

    public string EndpointName => endpointName;

    public EndpointAnnotation EndpointAnnotation =>
        owner.Annotations.OfType<EndpointAnnotation>().FirstOrDefault(endpoint => endpoint.Name == endpointName)
        ?? throw new InvalidOperationException($"Resource '{owner.Name}' has no endpoint '{endpointName}'.");

    public bool IsAllocated => EndpointAnnotation.AllocatedPort is not null;

    public string Scheme => EndpointAnnotation.UriScheme;

    public string Host => "localhost";

    public int Port => EndpointAnnotation.AllocatedPort
        ?? throw new InvalidOperationException($"The port of endpoint '{endpointName}' of '{owner.Name}' is known once the application has started.");

    public string Url => $"{Scheme}://{Host}:{Port}";

    public EndpointReferenceExpression Property(EndpointProperty property) => new(this, property);

    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => new(Url);
}

internal sealed class EndpointReferenceExpression(EndpointReference endpoint, EndpointProperty property) : IValueProvider
{
    public EndpointReference Endpoint => endpoint;

    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => new(property switch
    {
        EndpointProperty.Host => endpoint.Host,
        EndpointProperty.Port or EndpointProperty.TargetPort => $"{endpoint.Port}",
        _ => endpoint.Url,
    });
}
