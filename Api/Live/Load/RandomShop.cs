using System.Diagnostics;
using System.Net;
using System.Text.Json;

namespace AspireCdc.Api.Live.Load;

/// <summary>Customers who order, pay, move and cancel, at random. The shop is filled with a few of each before the first write.</summary>
internal sealed class RandomShop(HttpClient api)
{
    private const int FirstCustomers = 24, Remembered = 256, TracedOneIn = 100;

    private static readonly (string Country, string City)[] Places =
    [
        ("Brazil", "Recife"), ("France", "Lyon"), ("Germany", "Berlin"), ("India", "Pune"),
        ("Japan", "Kyoto"), ("Kenya", "Nairobi"), ("UK", "London"), ("USA", "New York"),
    ];

    private static readonly string[] Names =
        ["Ada Lovelace", "Grace Hopper", "Edsger Dijkstra", "Barbara Liskov", "Alan Turing", "Katherine Johnson"];

    private static readonly (string Name, string Category, decimal Price)[] Goods =
    [
        ("Wireless Mouse", "Electronics", 29.99m), ("Headphones", "Electronics", 119m), ("Notebook", "Paper", 4.50m),
        ("Desk Lamp", "Furniture", 49m), ("Office Chair", "Furniture", 189m), ("Coffee Beans", "Food", 12.75m),
        ("Green Tea", "Food", 8.20m), ("Novel", "Books", 17.90m),
    ];

    private static readonly string[] Statuses = ["paid", "shipped", "delivered"];

    private readonly SemaphoreSlim _filling = new(1);
    private readonly long[] _orders = new long[Remembered];
    private volatile Shop? _shop;
    private int _made, _items, _changes, _cancellations;

    /// <summary>What has been written so far; the first customers and products are not counted.</summary>
    public ShopWrites Written => new(_made, _items, _changes, _cancellations);

    /// <summary>One write: mostly an order with its items, or a change of one.</summary>
    /// <exception cref="HttpRequestException">The API refused it.</exception>
    public async Task WriteAsync(CancellationToken cancellationToken)
    {
        var shop = _shop ?? await FillAsync(cancellationToken);
        var slot = Random.Shared.Next(Remembered);
        var order = Volatile.Read(ref _orders[slot]);
        switch (Random.Shared.Next(100))
        {
            case < 30 when order != 0:
                await SendAsync(HttpMethod.Patch, $"orders/{order}", new { status = Any(Statuses) }, cancellationToken);
                Interlocked.Increment(ref _changes);
                break;
            // Taken out first, so that no two writers cancel the same one.
            case < 34 when order != 0 && Interlocked.CompareExchange(ref _orders[slot], 0, order) == order:
                await SendAsync(HttpMethod.Delete, $"orders/{order}", null, cancellationToken);
                Interlocked.Increment(ref _cancellations);
                break;
            case < 37:
                var (country, city) = Any(Places);
                await SendAsync(HttpMethod.Patch, $"customers/{Any(shop.Customers)}", new { country, city }, cancellationToken);
                Interlocked.Increment(ref _changes);
                break;
            default:
                Volatile.Write(ref _orders[slot], await OrderAsync(shop, cancellationToken));
                break;
        }
    }

    private async Task<long> OrderAsync(Shop shop, CancellationToken cancellationToken)
    {
        var items = Enumerable.Range(0, Random.Shared.Next(1, 4))
            .Select(_ => (Product: Any(shop.Products), Quantity: Random.Shared.Next(1, 6)))
            .Select(item => new { productId = item.Product.Id, quantity = item.Quantity, price = item.Product.Price })
            .ToList();
        var order = new { customerId = Any(shop.Customers), total = items.Sum(item => item.quantity * item.price), items };
        var id = await SendAsync(HttpMethod.Post, "orders", order, cancellationToken);
        Interlocked.Increment(ref _made);
        Interlocked.Add(ref _items, items.Count);
        return id;
    }

    private async Task<Shop> FillAsync(CancellationToken cancellationToken)
    {
        await _filling.WaitAsync(cancellationToken);
        try
        {
            if (_shop is not null)
                return _shop;
            var products = new List<(long, decimal)>();
            foreach (var (name, category, price) in Goods)
                products.Add((await SendAsync(HttpMethod.Post, "products", new { name, category, price }, cancellationToken), price));
            var customers = new List<long>();
            for (var i = 0; i < FirstCustomers; i++)
            {
                var (country, city) = Places[i % Places.Length];
                var customer = new { email = $"{Guid.NewGuid():N}@example.com", name = Any(Names), country, city };
                customers.Add(await SendAsync(HttpMethod.Post, "customers", customer, cancellationToken));
            }
            return _shop = new(customers, products);
        }
        finally
        {
            _filling.Release();
        }
    }

    /// <summary>Returns the id of what was written; 0 where the answer has none.</summary>
    private async Task<long> SendAsync(HttpMethod method, string path, object? body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, $"/api/{path}") { Content = body is null ? null : JsonContent.Create(body) };
        // A trace of every write would bury those of everybody else, and cost more than the write.
        if (Random.Shared.Next(TracedOneIn) != 0)
            request.Headers.Add("traceparent", $"00-{ActivityTraceId.CreateRandom()}-{ActivitySpanId.CreateRandom()}-00");
        using var response = await api.SendAsync(request, cancellationToken);
        if (!response.IsSuccessStatusCode && response.StatusCode != HttpStatusCode.NotFound) // Somebody else may have deleted it.
        {
            var detail = await DetailAsync(response, cancellationToken);
            throw new HttpRequestException($"{method} {request.RequestUri} answers {(int)response.StatusCode}: {detail}");
        }
        return method == HttpMethod.Post
            ? (await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken)).GetProperty("id").GetInt64() : 0;
    }

    private static async Task<string> DetailAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
        return problem.TryGetProperty("detail", out var detail) ? detail.GetString() ?? "" : problem.ToString();
    }

    private static T Any<T>(IReadOnlyList<T> choices) => choices[Random.Shared.Next(choices.Count)];

    private sealed record Shop(IReadOnlyList<long> Customers, IReadOnlyList<(long Id, decimal Price)> Products);
}

/// <summary>What has been written.</summary>
/// <param name="Orders">Orders made.</param>
/// <param name="Items">Their lines.</param>
/// <param name="Changes">Orders paid, shipped or delivered, and customers who moved.</param>
/// <param name="Cancellations">Orders deleted, with their lines.</param>
internal sealed record ShopWrites(int Orders, int Items, int Changes, int Cancellations);
