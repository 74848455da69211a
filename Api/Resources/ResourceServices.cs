using System.Text.Json.Serialization.Metadata;
using AspireCdc.Shop;

namespace AspireCdc.Api.Resources;

internal static class ResourceServices
{
    public static void AddResources(this IServiceCollection services)
    {
        services.AddShopValidation();
        services.ConfigureHttpJsonOptions(options =>
            options.SerializerOptions.TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { JsonModel.Apply } });
        services.AddSingleton<EntityBinder>();
        services.AddScoped<IdempotencyStore>();
        services.AddScoped(typeof(Resource<>));
    }
}
