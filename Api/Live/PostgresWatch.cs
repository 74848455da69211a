using AspireCdc.Api.Live.Feed;
using AspireCdc.Shop;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace AspireCdc.Api.Live;

/// <summary>The source: its newest rows, joined as the star has them, and its write-ahead log.</summary>
internal sealed class PostgresWatch(IServiceScopeFactory scopes, IOptions<CdcOptions> options, TimeProvider time) : ILiveWatch
{
    private const string Name = "postgres";

    public Task WatchAsync(LiveFeed feed, CancellationToken cancellationToken) => Looking.RepeatAsync(
        "PostgreSQL", Looking.Often, time,
        async patience => feed.Publish(Name, await ReadAsync(patience)),
        (problem, hangs) => feed.Publish(Name, new LiveDatabase(null, Problem: problem, Hangs: hangs)),
        cancellationToken);

    private async Task<LiveDatabase> ReadAsync(CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var shop = scope.ServiceProvider.GetRequiredService<ShopContext>();
        await shop.Database.OpenConnectionAsync(cancellationToken);
        var orders = await shop.Orders.IgnoreAutoIncludes().OrderByDescending(order => order.Id).Take(LiveRows.Shown)
            .Select(order => new LiveOrder(order.Id, order.Customer.Name, order.Customer.City, order.Status, order.Total))
            .ToListAsync(cancellationToken);
        var items = await shop.OrderItems.OrderByDescending(item => item.Id).Take(LiveRows.Shown)
            .Select(item => new LiveItem(item.Id, item.OrderId, item.Product.Name, item.Order.Customer.City, item.Quantity,
                item.Quantity * item.Price))
            .ToListAsync(cancellationToken);
        var rows = new LiveRows(orders, items, await shop.Orders.LongCountAsync(cancellationToken),
            await shop.OrderItems.LongCountAsync(cancellationToken));
        var log = await shop.Database.SqlQuery<LiveLog>($"""
            SELECT here::text AS position, slot.active AS is_read,
                coalesce(pg_wal_lsn_diff(here, slot.restart_lsn), 0)::bigint AS retained_bytes
            FROM pg_current_wal_flush_lsn() AS here LEFT JOIN pg_replication_slots AS slot ON slot.slot_name = {options.Value.Slot}
            """).SingleAsync(cancellationToken);
        return new LiveDatabase(rows, log);
    }
}
