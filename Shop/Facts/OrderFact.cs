using System.Linq.Expressions;
using AspireCdc.Star;

namespace AspireCdc.Shop.Facts;

/// <summary>An order with its customer, in ClickHouse.</summary>
public sealed record OrderFact : IFact<Order, OrderFact>
{
    /// <summary>The order.</summary>
    public required long OrderId { get; init; }

    /// <summary>When it was ordered, in UTC.</summary>
    public required DateTime OrderDate { get; init; }

    /// <summary>How far it has come.</summary>
    public required string Status { get; init; }

    /// <summary>The amount due.</summary>
    public required decimal Total { get; init; }

    /// <summary>Who ordered.</summary>
    public required long CustomerId { get; init; }

    /// <summary>The customer's full name.</summary>
    public required string CustomerName { get; init; }

    /// <summary>The customer's address for mail.</summary>
    public required string CustomerEmail { get; init; }

    /// <summary>The customer's country.</summary>
    public required string Country { get; init; }

    /// <summary>The customer's city.</summary>
    public required string City { get; init; }

    /// <inheritdoc />
    public static Expression<Func<Order, OrderFact>> Row => order => new()
    {
        OrderId = order.Id,
        OrderDate = order.OrderDate,
        Status = order.Status,
        Total = order.Total,
        CustomerId = order.CustomerId,
        CustomerName = order.Customer.Name,
        CustomerEmail = order.Customer.Email,
        Country = order.Customer.Country,
        City = order.Customer.City,
    };
}
