using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace AspireCdc.AppHost.Commands;

/// <summary>Customers, products and orders with items, made at random through the API.</summary>
internal sealed class ShopLoad(HttpClient api)
{
    private const int Writers = 4;
    private const int OrdersOfACustomer = 5;

    private static readonly (string Country, string City)[] Places =
    [
        ("UK", "London"), ("France", "Paris"), ("Germany", "Berlin"), ("Japan", "Osaka"), ("Brazil", "Recife"), ("Kenya", "Nairobi"),
    ];

    private static readonly string[] Names = ["Ada", "Grace", "Edsger", "Barbara", "Alan", "Frances"];
    private static readonly (string Name, string Category)[] Products = [("Mouse", "Input"), ("Keyboard", "Input"), ("Screen", "Output"), ("Lamp", "Furniture")];

    private int _customers;
    private int _products;
    private int _orders;
    private int _items;

    /// <summary>Writes for as long as that, and says what it has made.</summary>
    public async Task<string> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        var time = TimeProvider.System;
        var start = time.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(_ => WriteAsync(() => time.GetElapsedTime(start) < duration, cancellationToken)));
        return string.Create(CultureInfo.InvariantCulture,
            $"{_customers} customers, {_products} products and {_orders} orders with {_items} items in {time.GetElapsedTime(start).TotalSeconds:0.0} s.");
    }

    private async Task WriteAsync(Func<bool> goesOn, CancellationToken cancellationToken)
    {
        var products = new List<(long Id, decimal Price)>();
        foreach (var (name, category) in Products)
        {
            var price = Random.Shared.Next(100, 100_000) / 100m;
            products.Add((await PostAsync("products", new { name, category, price }, cancellationToken), price));
            Interlocked.Increment(ref _products);
        }

        while (goesOn())
        {
            var (country, city) = Any(Places);
            var customerId = await PostAsync("customers", new { email = $"{Guid.NewGuid():N}@example.com", name = Any(Names), country, city }, cancellationToken);
            Interlocked.Increment(ref _customers);
            for (var order = 0; order < OrdersOfACustomer && goesOn(); order++)
                await OrderAsync(customerId, products, cancellationToken);
        }
    }

    private async Task OrderAsync(long customerId, IReadOnlyList<(long Id, decimal Price)> products, CancellationToken cancellationToken)
    {
        var items = Enumerable.Range(0, Random.Shared.Next(1, 4))
            .Select(_ => (Product: Any(products), Quantity: Random.Shared.Next(1, 6)))
            .Select(item => new { productId = item.Product.Id, quantity = item.Quantity, price = item.Product.Price })
            .ToList();
        await PostAsync("orders", new { customerId, total = items.Sum(item => item.quantity * item.price), items }, cancellationToken);
        Interlocked.Increment(ref _orders);
        Interlocked.Add(ref _items, items.Count);
    }

    private async Task<long> PostAsync(string resource, object body, CancellationToken cancellationToken)
    {
        using var response = await api.PostAsJsonAsync($"/api/{resource}", body, cancellationToken);
        if (!response.IsSuccessStatusCode)
            throw new HttpRequestException($"The API refused to make one of the {resource}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync(cancellationToken)}");
        return (await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken)).GetProperty("id").GetInt64();
    }

    private static T Any<T>(IReadOnlyList<T> choices) => choices[Random.Shared.Next(choices.Count)];
}
