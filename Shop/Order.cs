using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.ComponentModel.DataAnnotations.Schema;
using System.Text.Json.Serialization;
using AspireCdc.Star;
using Microsoft.Extensions.Validation;

namespace AspireCdc.Shop;

/// <summary>An order of a customer, with its items.</summary>
[Replicated, ValidatableType]
public sealed class Order : Entity
{
    /// <summary>Who ordered.</summary>
    /// <example>1</example>
    public required long CustomerId { get; set; }

    /// <summary>The same, as a row; it is not part of the JSON, and not loaded unless asked for.</summary>
    [JsonIgnore]
    public Customer Customer { get; private set; } = null!;

    /// <summary>When it was ordered, in UTC; now, if absent.</summary>
    /// <example>2026-01-31T12:00:00Z</example>
    [DefaultsToNow,
        Range(typeof(DateTime), "1900-01-01", "2299-12-31", ParseLimitsInInvariantCulture = true, ConvertValueInInvariantCulture = true)]
    public DateTime OrderDate { get; set; }

    /// <summary>How far it has come.</summary>
    /// <example>pending</example>
    [Category, DefaultValue("pending"), StringLength(50, MinimumLength = 1)]
    public string Status { get; set; } = "pending";

    /// <summary>The amount due, as sent: it is not compared with the items.</summary>
    /// <example>59.98</example>
    [Money]
    public required decimal Total { get; set; }

    /// <summary>What was ordered. In a request these items replace the present ones; absent, those stay.</summary>
    [ForeignKey(nameof(OrderItem.OrderId))]
    public List<OrderItem> Items { get; set; } = [];
}
