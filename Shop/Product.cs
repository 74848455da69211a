using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using AspireCdc.Star;
using Microsoft.Extensions.Validation;

namespace AspireCdc.Shop;

/// <summary>Something to order. A product that stands in an order cannot be deleted.</summary>
[Replicated(As = "product_dim"), ValidatableType]
public sealed class Product : Entity
{
    /// <summary>The name.</summary>
    /// <example>Wireless Mouse</example>
    [ReplicatedAs("product_name"), StringLength(255, MinimumLength = 1)]
    public required string Name { get; set; }

    /// <summary>The category.</summary>
    /// <example>Electronics</example>
    [Category, StringLength(100, MinimumLength = 1)]
    public required string Category { get; set; }

    /// <summary>The price of one piece.</summary>
    /// <example>29.99</example>
    [Money]
    public required decimal Price { get; set; }

    /// <summary>When the row was made, in UTC. Ignored in a request.</summary>
    [ReadOnly(true), DefaultsToNow]
    public DateTime CreatedAt { get; set; }
}
