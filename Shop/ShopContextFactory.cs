using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace AspireCdc.Shop;

/// <summary>For <c>dotnet ef</c>, which needs the model and no server.</summary>
internal sealed class ShopContextFactory : IDesignTimeDbContextFactory<ShopContext>
{
    public ShopContext CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<ShopContext>().UseNpgsql().UseSnakeCaseNamingConvention().Options);
}
