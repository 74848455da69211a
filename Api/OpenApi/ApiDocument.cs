namespace AspireCdc.Api.OpenApi;

internal static class ApiDocument
{
    public static void AddApiDocument(this IServiceCollection services) => services.AddOpenApi();

    public static void MapApiDocument(this WebApplication app) => app.MapOpenApi();
}
