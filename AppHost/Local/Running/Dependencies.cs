namespace AspireCdc.AppHost.Local.Running;

/// <summary>A resource that the dashboard does not list.</summary>
internal sealed class HiddenAnnotation : IResourceAnnotation;

/// <summary>What a resource needs while it runs: what it waits for and what its references lead to.</summary>
internal static class Dependencies
{
    /// <summary>The kind of relation to the dashboard, which is in no other way part of the graph.</summary>
    public const string Telemetry = "Telemetry";

    /// <summary>The kind of relation to what a resource is part of.</summary>
    public const string Parent = "Parent";

    public static IEnumerable<IResource> Of(IResource resource) =>
        Relations(resource).SelectMany(relation => Targets(relation.Resource)).Distinct();

    /// <summary>What a resource names, with the kind of relation.</summary>
    public static IEnumerable<(IResource Resource, string Type)> Relations(IResource resource) => resource.Annotations
        .OfType<ResourceRelationshipAnnotation>()
        .Select(relation => (relation.Resource, relation.Type))
        .Distinct();

    /// <summary>A connection string stands for the resources whose endpoints it names.</summary>
    private static IEnumerable<IResource> Targets(IResource resource) => resource is IResourceWithConnectionString connection
        ? connection.ConnectionStringExpression.ValueProviders.OfType<EndpointReferenceExpression>().Select(value => value.Endpoint.Resource)
        : [resource];
}
