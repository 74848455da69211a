using Microsoft.Extensions.DependencyInjection;

namespace AspireCdc.Shop;

/// <summary>Validation of the entities by their attributes.</summary>
public static class ShopValidation
{
    /// <summary>Adds it. The framework's generator has to see this call and the entities in one assembly.</summary>
    /// <param name="services">The application's services.</param>
    public static IServiceCollection AddShopValidation(this IServiceCollection services) => services.AddValidation();
}
