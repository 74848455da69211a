namespace AspireCdc.AppHost;

internal static class Passwords
{
    /// <summary>What a link shows of a database: the documented password of development, and no other.</summary>
    public static string Login(
        this IDistributedApplicationBuilder builder, string name, string database, string user, string inDevelopment) =>
        builder.IsOwn(name, inDevelopment) ? $"{database} ({user})" : $"{database} ({user}, {inDevelopment})";

    /// <summary>Whether the user has chosen another password than the documented one.</summary>
    public static bool IsOwn(this IDistributedApplicationBuilder builder, string name, string inDevelopment) =>
        builder.Configuration[$"Parameters:{name}"] is { } own && own != inDevelopment;

    /// <summary>A password that <c>Parameters:NAME</c> can set.</summary>
    public static IResourceBuilder<ParameterResource> AddPassword(
        this IDistributedApplicationBuilder builder, string name, string inDevelopment) =>
        builder.AddParameter(name, builder.Configuration[$"Parameters:{name}"] ?? inDevelopment, secret: true);
}
