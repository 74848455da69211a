namespace AspireCdc.AppHost.Local.Running;

/// <summary>A resource that the dashboard does not list.</summary>
internal sealed class HiddenAnnotation : IResourceAnnotation;

/// <summary>What a resource needs while it runs: what it waits for and what its references lead to.</summary>
internal static class Dependencies
{
    /// <summary>The kind of relation to the dashboard, which is in no other way part of the graph.</summary>
    public const string Telemetry = "Telemetry";

    public static IEnumerable<IResource> Of(IResource resource) =>
        Relations(resource).Select(relation => relation.Resource).Distinct();

    /// <summary>The same with the kind of relation; a connection string stands for the resources whose endpoints it names.</summary>
    public static IEnumerable<(IResource Resource, string Type)> Relations(IResource resource) => resource.Annotations
        .OfType<ResourceRelationshipAnnotation>()
        .SelectMany(relation => Targets(relation.Resource).Select(target => (target, relation.Type)))
        .Distinct();

    private static IEnumerable<IResource> Targets(IResource resource) => resource is IResourceWithConnectionString connection
        ? connection.ConnectionStringExpression.ValueProviders.OfType<EndpointReferenceExpression>().Select(value => value.Endpoint.Resource)
        : [resource];
}
