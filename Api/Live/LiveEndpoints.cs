using System.Data.Common;
using System.Runtime.CompilerServices;
using AspireCdc.Api.Data;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace AspireCdc.Api.Live;

/// <summary>The live page: both databases side by side, and how long a change takes from one to the other.</summary>
internal static class LiveEndpoints
{
    private const int RowsShown = 8;
    private static readonly TimeSpan FrameEvery = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Serves the page at <c>/</c> and what it asks for under <c>/live</c>; neither is part of the API's document.</summary>
    public static void MapLivePage(this WebApplication app)
    {
        app.UseDefaultFiles();
        app.UseStaticFiles();
        var live = app.MapGroup("/live").ExcludeFromDescription();
        live.MapGet("/frames", Frames);
        live.MapGet("/orders/{id:long}/seen", WaitUntilSeenAsync);
    }

    private static ServerSentEventsResult<LiveFrame> Frames(IServiceScopeFactory scopes, StarReader star, CancellationToken cancellationToken) =>
        TypedResults.ServerSentEvents(FramesAsync(scopes, star, cancellationToken));

    private static async IAsyncEnumerable<LiveFrame> FramesAsync(IServiceScopeFactory scopes, StarReader star, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // ClickHouse tells nobody that it has changed: looking is what there is, and only while a page is open.
        using var timer = new PeriodicTimer(FrameEvery);
        do
        {
            var postgres = ReadPostgresAsync(scopes, cancellationToken);
            var clickHouse = star.ReadNewestAsync(RowsShown, cancellationToken);
            yield return new LiveFrame(await postgres, await clickHouse);
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    /// <summary>Answers once the star shows the order as described: with this city and status, or not at all.</summary>
    private static async Task<Results<NoContent, ProblemHttpResult>> WaitUntilSeenAsync(
        long id, string? city, string? status, bool? deleted, StarReader star, TimeProvider time, CancellationToken cancellationToken)
    {
        for (var began = time.GetTimestamp(); time.GetElapsedTime(began) < Patience; await Task.Delay(LookEvery, time, cancellationToken))
        {
            var order = await star.FindAsync(id, cancellationToken);
            if (deleted == true ? order is null : order is not null && (city ?? order.City) == order.City && (status ?? order.Status) == order.Status)
                return TypedResults.NoContent();
        }
        return TypedResults.Problem($"Order {id} has not arrived in ClickHouse after {Patience.TotalSeconds} s.", statusCode: StatusCodes.Status504GatewayTimeout);
    }

    private static async Task<LiveRows> ReadPostgresAsync(IServiceScopeFactory scopes, CancellationToken cancellationToken)
    {
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            var shop = scope.ServiceProvider.GetRequiredService<ShopContext>();
            var orders = await (
                from order in shop.Orders.IgnoreAutoIncludes()
                join customer in shop.Customers on order.CustomerId equals customer.Id
                orderby order.Id descending
                select new LiveOrder(order.Id, customer.Name, customer.City, order.Status, order.Total)).Take(RowsShown).ToListAsync(cancellationToken);
            var items = await (
                from item in shop.OrderItems
                join order in shop.Orders.IgnoreAutoIncludes() on item.OrderId equals order.Id
                join customer in shop.Customers on order.CustomerId equals customer.Id
                join product in shop.Products on item.ProductId equals product.Id
                orderby item.Id descending
                select new LiveItem(item.Id, item.OrderId, product.Name, customer.City, item.Quantity, item.Quantity * item.Price)).Take(RowsShown).ToListAsync(cancellationToken);
            return new LiveRows(orders, items);
        }
        catch (DbException e)
        {
            return LiveRows.Without($"PostgreSQL cannot be read: {e.Message}");
        }
    }
}
