namespace AspireCdc.AppHost;

/// <summary>
/// What the processors' operations ask for. Deployed, it is a secret that each of them has. In development their ports are this machine's
/// only, and ask for
/// none unless <c>Parameters:operations-token</c> names one.
/// </summary>
internal static class OperationsToken
{
    private const string Name = "operations-token";

    /// <summary>The token, or null where none is asked for.</summary>
    public static IResourceBuilder<ParameterResource>? AddOperationsToken(this IDistributedApplicationBuilder builder) =>
        builder.Resources.OfType<ParameterResource>().FirstOrDefault(parameter => parameter.Name == Name) is { } known
            ? builder.CreateResourceBuilder(known)
        : builder.ExecutionContext.IsPublishMode || !string.IsNullOrEmpty(builder.Configuration[$"Parameters:{Name}"])
            ? builder.AddParameter(Name, new GenerateParameterDefault { MinLength = 32, Special = false }, secret: true)
            : null;

    /// <summary>Lets the processor ask for <paramref name="token"/>, where there is one.</summary>
    public static IResourceBuilder<ProjectResource> WithOperationsToken(
        this IResourceBuilder<ProjectResource> processor, IResourceBuilder<ParameterResource>? token) =>
        token is null ? processor : processor.WithEnvironment("Operations__Token", token);
}
