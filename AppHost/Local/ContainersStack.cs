namespace AspireCdc.AppHost.Containers;

/// <summary>Stands where the containers would, in an AppHost that is built without Aspire's hosting packages.</summary>
internal static class ContainersStack
{
    public static Task<Backends> AddContainersStackAsync(this IDistributedApplicationBuilder builder, Ports ports, CancellationToken cancellationToken) =>
        throw new AppHostException(
            "The containers stack needs Aspire's hosting packages, and this AppHost is built without them: the package source does not have them. Use --stack embedded.");
}
