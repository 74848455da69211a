using System.Text.Json.Serialization;
using AspireCdc.Star;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Validation;

namespace AspireCdc.Shop;

/// <summary>One line of an order. The same product may stand in several.</summary>
[Replicated, ValidatableType]
public sealed class OrderItem : Entity
{
    /// <summary>The order; within an order's own <c>items</c> it is not needed.</summary>
    /// <example>1</example>
    public required long OrderId { get; set; }

    /// <summary>The same, as a row; it is not part of the JSON, and not loaded unless asked for.</summary>
    [JsonIgnore]
    public Order Order { get; private set; } = null!;

    /// <summary>The product.</summary>
    /// <example>1</example>
    public required long ProductId { get; set; }

    /// <summary>The same, as a row; it is not part of the JSON, and not loaded unless asked for.</summary>
    [JsonIgnore, DeleteBehavior(DeleteBehavior.Restrict)]
    public Product Product { get; private set; } = null!;

    /// <summary>How many pieces.</summary>
    /// <example>2</example>
    [Positive]
    public required int Quantity { get; set; }

    /// <summary>The price of one piece in this order.</summary>
    /// <example>29.99</example>
    [Money]
    public required decimal Price { get; set; }
}
