using System.Text.Json.Serialization.Metadata;

namespace AspireCdc.Api.Resources;

internal static class ResourceServices
{
    public static void AddResources(this IServiceCollection services)
    {
        services.AddValidation();
        services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { JsonModel.Apply } });
        services.AddSingleton<EntityBinder>();
        services.AddScoped<IdempotencyStore>();
        services.AddScoped(typeof(Resource<>));
    }
}
