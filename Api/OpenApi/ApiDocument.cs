using AspireCdc.Api.Resources;
using Microsoft.AspNetCore.OpenApi;
using Scalar.AspNetCore;

namespace AspireCdc.Api.OpenApi;

/// <summary>The API's description at <c>/openapi/v1.json</c> and its pages.</summary>
internal static class ApiDocument
{
    private const string Page = "/scalar";

    public static void AddApiDocument(this IServiceCollection services) => services.AddOpenApi(options =>
    {
        options.AddSchemaTransformer(EntitySchemas.TransformAsync);
        options.AddOperationTransformer(Operations.TransformAsync);
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new()
            {
                Title = "Shop",
                Version = "v1",
                Description = "Customers, products and orders in PostgreSQL; every change is in ClickHouse a moment later.",
            };
            // The document is the same wherever the service runs.
            document.Servers = [];
            return Task.CompletedTask;
        });
        options.CreateSchemaReferenceId = type =>
            type.Type is { IsGenericType: true } generic && generic.GetGenericTypeDefinition() == typeof(Patch<>)
                ? $"{generic.GenericTypeArguments[0].Name}Patch"
                : OpenApiOptions.CreateDefaultSchemaReferenceId(type);
    });

    public static void MapApiDocument(this WebApplication app)
    {
        app.MapOpenApi();
        // Where the seed's server has it.
        app.MapGet("/openapi.json", () => TypedResults.Redirect("/openapi/v1.json")).ExcludeFromDescription();
        if (!app.Environment.IsDevelopment()) return;

        // Scalar's own script comes with its package and its fonts do not: the page works without the internet.
        app.MapScalarApiReference(Page, (scalar, http) => scalar.WithTitle("Shop")
            .DisableDefaultFonts().DisableTelemetry().DisableAgent().DisableMcp().HideDeveloperTools().HideClientButton()
            // Examples that run as they are copied, whatever the port.
            .AddServer($"{http.Request.Scheme}://{http.Request.Host}")
            .WithDefaultHttpClient(ScalarTarget.CSharp, ScalarClient.HttpClient));
        foreach (var seed in (string[])["/docs", "/redoc"])
            app.MapGet(seed, () => TypedResults.Redirect(Page)).ExcludeFromDescription();
    }
}
