using System.ComponentModel;

namespace AspireCdc.Api.Analytics;

/// <summary>What was sold on a day, in UTC.</summary>
internal sealed record DayRevenue(
    [property: Description("The day of the orders, in UTC.")] DateOnly Day,
    [property: Description("Orders with at least one line.")] long Orders,
    [property: Description("Pieces sold.")] long Quantity,
    [property: Description("The price of all pieces, exact.")] decimal Revenue);

/// <summary>What was sold within a minute.</summary>
internal sealed record MinuteRevenue(
    [property: Description("The minute's beginning, in UTC.")] DateTime Minute,
    [property: Description("Orders with at least one line.")] long Orders,
    [property: Description("Pieces sold.")] long Quantity,
    [property: Description("The price of all pieces, exact.")] decimal Revenue);

/// <summary>What was sold to a country.</summary>
internal sealed record CountryRevenue(
    [property: Description("The customers' country.")] string Country,
    [property: Description("Orders with at least one line.")] long Orders,
    [property: Description("Pieces sold.")] long Quantity,
    [property: Description("The price of all pieces, exact.")] decimal Revenue);

/// <summary>What was sold of a category.</summary>
internal sealed record CategoryRevenue(
    [property: Description("The products' category.")] string Category,
    [property: Description("Orders with at least one line of it.")] long Orders,
    [property: Description("Pieces sold.")] long Quantity,
    [property: Description("The price of all pieces, exact.")] decimal Revenue);

/// <summary>How many orders are how far.</summary>
internal sealed record StatusOrders(
    [property: Description("How far they have come.")] string Status,
    [property: Description("How many.")] long Orders,
    [property: Description("The sum of their totals, exact.")] decimal Total);

/// <summary>What an order is worth.</summary>
internal sealed record OrderValue(
    [property: Description("How many orders the period has.")] long Orders,
    [property: Description("The sum of their totals, exact.")] decimal Total,
    [property: Description("Total divided by orders, rounded half to even to two decimals; null without orders.")] decimal? Average);

/// <summary>A customer by what was ordered.</summary>
internal sealed record CustomerOrders(
    [property: Description("The customer's id.")] long CustomerId,
    [property: Description("The customer's name.")] string Customer,
    [property: Description("The customer's country.")] string Country,
    [property: Description("How many orders.")] long Orders,
    [property: Description("The sum of their totals, exact.")] decimal Total);

/// <summary>A product by what was sold of it.</summary>
internal sealed record ProductRevenue(
    [property: Description("The product's id.")] long ProductId,
    [property: Description("The product's name.")] string Product,
    [property: Description("The product's category.")] string Category,
    [property: Description("Orders with at least one line of it.")] long Orders,
    [property: Description("Pieces sold.")] long Quantity,
    [property: Description("The price of all pieces, exact.")] decimal Revenue);
