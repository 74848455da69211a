using AspireCdc.Star.Postgres;
using Npgsql;

namespace AspireCdc.Api.InitDb;

/// <summary>
/// The event triggers that tell the processor of schema changes, in the order of the rows. They are a help and no condition: PostgreSQL
/// lets superusers make them (managed services their administrators), and without them the processor warns where it cannot know.
/// </summary>
internal static class SchemaTriggers
{
    /// <summary>The triggers that are missing or switched off, where this user may make them.</summary>
    public static async Task<IReadOnlyList<string>> FindMissingAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        var there = await connection.QueryAsync(
            "SELECT evtname::text FROM pg_event_trigger WHERE evtenabled = 'A'", row => row.GetString(0), cancellation);
        return [.. SchemaTrigger.All.Select(trigger => trigger.Name).Except(there)];
    }

    /// <summary>Makes those that are missing. Returns what was done, and a sentence where this user may not.</summary>
    public static async Task<(IReadOnlyList<string> Done, string? Refusal)> MakeAsync(
        NpgsqlConnection connection, CancellationToken cancellation)
    {
        var missing = await FindMissingAsync(connection, cancellation);
        if (missing.Count == 0)
            return ([], null);

        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        try
        {
            foreach (var (name, statements) in SchemaTrigger.All.Where(trigger => missing.Contains(trigger.Name)))
            {
                await connection.ExecuteAsync($"DROP EVENT TRIGGER IF EXISTS {name}", cancellation);
                foreach (var statement in statements)
                    await connection.ExecuteAsync(statement, cancellation);
            }
            await transaction.CommitAsync(cancellation);
            return ([.. missing.Select(name => $"event trigger {name} is missing")], null);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            return (
                [],
                $"The event triggers {string.Join(" and ", missing)} are missing, and the user {connection.UserName} may not make them "
                + $"({e.MessageText}): the processor cannot tell a rewrite of a table that changes " +
                    "values from VACUUM FULL then, and only warns. "
                + "A superuser's init-db makes them.");
        }
    }
}
