using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Validation;

namespace AspireCdc.Api.Data;

/// <summary>Something to order. A product that stands in an order cannot be deleted.</summary>
[Replicated, ValidatableType]
public sealed class Product : Entity
{
    /// <summary>The name.</summary>
    /// <example>Wireless Mouse</example>
    [StringLength(255, MinimumLength = 1)]
    public required string Name { get; set; }

    /// <summary>The category.</summary>
    /// <example>Electronics</example>
    [StringLength(100, MinimumLength = 1)]
    public required string Category { get; set; }

    /// <summary>The price of one piece.</summary>
    /// <example>29.99</example>
    [Money]
    public required decimal Price { get; set; }

    /// <summary>When the row was made, in UTC. Ignored in a request.</summary>
    [ReadOnly(true), DefaultsToNow]
    public DateTime CreatedAt { get; set; }
}
