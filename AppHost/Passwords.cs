namespace AspireCdc.AppHost;

internal static class Passwords
{
    /// <summary>A password that <c>Parameters:NAME</c> can set.</summary>
    public static IResourceBuilder<ParameterResource> AddPassword(this IDistributedApplicationBuilder builder, string name, string inDevelopment) =>
        builder.AddParameter(name, builder.Configuration[$"Parameters:{name}"] ?? inDevelopment, secret: true);
}
