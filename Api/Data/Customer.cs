using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Validation;

namespace AspireCdc.Api.Data;

/// <summary>Somebody who orders. Deleting a customer deletes the orders, too.</summary>
[Replicated, ValidatableType, Index(nameof(Email), IsUnique = true)]
public sealed class Customer : Entity
{
    /// <summary>The address, unique among customers.</summary>
    /// <example>jane@example.com</example>
    [EmailAddress, StringLength(255)]
    public required string Email { get; set; }

    /// <summary>The full name.</summary>
    /// <example>Jane Doe</example>
    [StringLength(255, MinimumLength = 1)]
    public required string Name { get; set; }

    /// <summary>The country.</summary>
    /// <example>USA</example>
    [StringLength(100, MinimumLength = 1)]
    public required string Country { get; set; }

    /// <summary>The city.</summary>
    /// <example>San Francisco</example>
    [StringLength(100, MinimumLength = 1)]
    public required string City { get; set; }

    /// <summary>When the row was made, in UTC. Ignored in a request.</summary>
    [ReadOnly(true), DefaultsToNow]
    public DateTime CreatedAt { get; set; }
}
