using System.ComponentModel.DataAnnotations.Schema;
using System.Linq.Expressions;
using AspireCdc.Star;
using Microsoft.EntityFrameworkCore;

namespace AspireCdc.Shop.Facts;

/// <summary>A line of an order with its order, product and customer, in ClickHouse.</summary>
[Table("orderitem_fact")]
public sealed record OrderItemFact : IFact<OrderItem, OrderItemFact>
{
    /// <summary>The line.</summary>
    [Column("orderitem_id")]
    public required long OrderItemId { get; init; }

    /// <summary>The order.</summary>
    public required long OrderId { get; init; }

    /// <summary>When it was ordered, in UTC.</summary>
    public required DateTime OrderDate { get; init; }

    /// <summary>How far the order has come.</summary>
    public required string Status { get; init; }

    /// <summary>Who ordered.</summary>
    public required long CustomerId { get; init; }

    /// <summary>The customer's country.</summary>
    public required string Country { get; init; }

    /// <summary>The customer's city.</summary>
    public required string City { get; init; }

    /// <summary>The product.</summary>
    public required long ProductId { get; init; }

    /// <summary>The product's name.</summary>
    public required string ProductName { get; init; }

    /// <summary>The product's category.</summary>
    public required string Category { get; init; }

    /// <summary>How many pieces.</summary>
    public required int Quantity { get; init; }

    /// <summary>The price of one piece in this order.</summary>
    public required decimal Price { get; init; }

    /// <summary>The price of all pieces, exact.</summary>
    [Precision(38, 2)]
    public required decimal Revenue { get; init; }

    /// <inheritdoc />
    public static Expression<Func<OrderItem, OrderItemFact>> Row => item => new()
    {
        OrderItemId = item.Id,
        OrderId = item.OrderId,
        OrderDate = item.Order.OrderDate,
        Status = item.Order.Status,
        CustomerId = item.Order.CustomerId,
        Country = item.Order.Customer.Country,
        City = item.Order.Customer.City,
        ProductId = item.ProductId,
        ProductName = item.Product.Name,
        Category = item.Product.Category,
        Quantity = item.Quantity,
        Price = item.Price,
        Revenue = item.Price * item.Quantity,
    };
}
