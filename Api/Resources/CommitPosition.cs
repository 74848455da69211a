using AspireCdc.Shop;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace AspireCdc.Api.Resources;

/// <summary>
/// <c>X-Commit-Lsn</c>: a position in the WAL that a reader of ClickHouse has to have reached to see this write. The flushed one, since the position up to which records are
/// only being inserted can lie behind a page's header, where no reader stops.
/// </summary>
internal static class CommitPosition
{
    public const string Header = "X-Commit-Lsn";

    public static async Task AddToAsync(HttpResponse response, ShopContext context)
    {
        try
        {
            await context.Database.OpenConnectionAsync(response.HttpContext.RequestAborted);
            await using var command = new NpgsqlCommand("SELECT pg_current_wal_flush_lsn()::text", (NpgsqlConnection)context.Database.GetDbConnection());
            response.Headers[Header] = (string?)await command.ExecuteScalarAsync(response.HttpContext.RequestAborted);
        }
        catch (NpgsqlException)
        {
            // The row is committed; for want of a header its writer must not be told otherwise.
        }
    }
}
