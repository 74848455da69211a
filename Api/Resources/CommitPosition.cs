using AspireCdc.Api.Data;
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
            response.Headers[Header] = await context.Database.SqlQuery<string>($"SELECT pg_current_wal_flush_lsn()::text AS \"Value\"").SingleAsync(response.HttpContext.RequestAborted);
        }
        catch (NpgsqlException)
        {
            // The row is committed; for want of a header its writer must not be told otherwise.
        }
    }
}
