using System.Runtime.CompilerServices;
using AspireCdc.Shop;
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

    /// <summary>A database that takes longer is told to be away, so that the other one stays fresh.</summary>
    private static readonly TimeSpan LongestRead = TimeSpan.FromSeconds(2);

    /// <summary>Serves the page at <c>/</c> and what it asks for under <c>/live</c>; neither is part of the API's document.</summary>
    public static void MapLivePage(this WebApplication app)
    {
        app.UseDefaultFiles();
        app.UseStaticFiles();
        var live = app.MapGroup("/live").ExcludeFromDescription();
        live.MapGet("/frames", Frames);
        live.MapGet("/orders/{id:long}/seen", WaitUntilSeenAsync);
    }

    private static ServerSentEventsResult<LiveFrame> Frames(
        IServiceScopeFactory scopes, StarReader star, TimeProvider time, IHostApplicationLifetime lifetime,
            CancellationToken cancellationToken) =>
        TypedResults.ServerSentEvents(FramesAsync(scopes, star, time, lifetime.ApplicationStopping, cancellationToken));

    /// <summary>
    /// Both databases, again and again, until the page is closed or this service stops: it would wait for an answer that never ends.
    /// </summary>
    private static async IAsyncEnumerable<LiveFrame> FramesAsync(
        IServiceScopeFactory scopes, StarReader star, TimeProvider time, CancellationToken stopping,
            [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // ClickHouse tells nobody that it has changed: looking is what there is, and only while a page is open.
        using var timer = new PeriodicTimer(FrameEvery, time);
        using var stopsTimer = stopping.Register(timer.Dispose);
        do
        {
            using var reading = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stopping);
            reading.CancelAfter(LongestRead);
            var postgres = LiveRows.OrProblemAsync("PostgreSQL", () => ReadPostgresAsync(scopes, reading.Token), cancellationToken);
            var clickHouse = LiveRows.OrProblemAsync("ClickHouse", () => star.ReadNewestAsync(RowsShown, reading.Token), cancellationToken);
            yield return new LiveFrame(await postgres, await clickHouse);
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    /// <summary>Answers once the star shows the order as described: with this city and status, or not at all.</summary>
    private static async Task<Results<NoContent, ProblemHttpResult>> WaitUntilSeenAsync(
        long id, string? city, string? status, bool? deleted, StarReader star, TimeProvider time, IHostApplicationLifetime lifetime,
            CancellationToken cancellationToken)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lifetime.ApplicationStopping);
        var problem = "";
        for (var began = time.GetTimestamp(); time.GetElapsedTime(began) < Patience && !waiting.IsCancellationRequested;)
        {
            try
            {
                var order = await star.FindAsync(id, waiting.Token);
                if (deleted == true ? order is null : order is not null && (city ?? order.City) == order.City
                    && (status ?? order.Status) == order.Status)
                    return TypedResults.NoContent();
                problem = "";
                await Task.Delay(LookEvery, time, waiting.Token);
            }
            catch (Exception e) when (StarReader.IsAway(e) && !waiting.IsCancellationRequested)
            {
                problem = $" ClickHouse cannot be read: {e.Message}";
                await Task.Delay(FrameEvery, time, waiting.Token);
            }
        }
        return TypedResults.Problem(
            $"Order {id} has not arrived in ClickHouse after {Patience.TotalSeconds} s.{problem} Ask the processor: /ready, or 'CdcProcessor status'.",
            statusCode: StatusCodes.Status504GatewayTimeout);
    }

    private static async Task<LiveRows> ReadPostgresAsync(IServiceScopeFactory scopes, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var shop = scope.ServiceProvider.GetRequiredService<ShopContext>();
        var orders = await shop.Orders.IgnoreAutoIncludes().OrderByDescending(order => order.Id).Take(RowsShown)
            .Select(order => new LiveOrder(order.Id, order.Customer.Name, order.Customer.City, order.Status, order.Total))
                .ToListAsync(cancellationToken);
        var items = await shop.OrderItems.OrderByDescending(item => item.Id).Take(RowsShown)
            .Select(item => new LiveItem(item.Id, item.OrderId, item.Product.Name, item.Order.Customer.City, item.Quantity, item.Quantity * item.Price)).ToListAsync(cancellationToken);
        return new LiveRows(orders, items);
    }
}
