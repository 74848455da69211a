using System.Linq.Expressions;
using System.Text.Json.Serialization;
using AspireCdc.Star;
using Microsoft.EntityFrameworkCore;

namespace AspireCdc.Tests.Definitions;

/// <summary>A solution of one table, to which docs/your-tables.md adds another.</summary>
internal class MarketContext : UnconnectedContext
{
    public DbSet<Product> Products => Set<Product>();

    protected override void OnModelCreating(ModelBuilder model)
    {
        foreach (var entity in model.Model.GetEntityTypes().ToList())
            model.Entity(entity.ClrType).ToTable(entity.ClrType.Name.ToLowerInvariant());
    }
}

/// <summary>The same with what the page adds.</summary>
internal sealed class ReviewedContext : MarketContext
{
    public DbSet<Review> Reviews => Set<Review>();
}

#pragma warning disable CS1591 // As the page shows them.

public abstract class Entity
{
    public long Id { get; set; }
}

[Replicated]
public sealed class Product : Entity
{
    public required string Name { get; set; }
    [Category] public required string Category { get; set; }
    [Precision(12, 2)] public decimal Price { get; set; }
}

[Replicated]
public sealed class Review : Entity
{
    public required long ProductId { get; set; }
    [JsonIgnore] public Product Product { get; private set; } = null!;
    public required int Rating { get; set; }
    public string? Comment { get; set; }
}

public sealed record ReviewFact : IFact<Review, ReviewFact>
{
    public required long ReviewId { get; init; }
    public required string ProductName { get; init; }
    public required string Category { get; init; }
    public required int Rating { get; init; }

    public static Expression<Func<Review, ReviewFact>> Row => review => new()
    {
        ReviewId = review.Id,
        ProductName = review.Product.Name,
        Category = review.Product.Category,
        Rating = review.Rating,
    };
}
