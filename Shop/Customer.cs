using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using AspireCdc.Star;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Validation;

namespace AspireCdc.Shop;

/// <summary>Somebody who orders. Deleting a customer deletes the orders, too.</summary>
[Replicated(As = "customer_dim"), ValidatableType, Index(nameof(Email), IsUnique = true)]
public sealed class Customer : Entity
{
    /// <summary>The full name.</summary>
    /// <example>Jane Doe</example>
    [ReplicatedAs("customer_name"), StringLength(255, MinimumLength = 1)]
    public required string Name { get; set; }

    /// <summary>The address, unique among customers.</summary>
    /// <example>jane@example.com</example>
    [ReplicatedAs("customer_email"), JsonPropertyOrder(-1), EmailAddress, StringLength(255)]
    public required string Email { get; set; }

    /// <summary>The country.</summary>
    /// <example>USA</example>
    [Category, StringLength(100, MinimumLength = 1)]
    public required string Country { get; set; }

    /// <summary>The city.</summary>
    /// <example>San Francisco</example>
    [Category, StringLength(100, MinimumLength = 1)]
    public required string City { get; set; }

    /// <summary>When the row was made, in UTC. Ignored in a request.</summary>
    [ReadOnly(true), DefaultsToNow]
    public DateTime CreatedAt { get; set; }
}
