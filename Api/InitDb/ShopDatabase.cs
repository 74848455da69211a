using AspireCdc.Shop;
using AspireCdc.Star.Model;
using AspireCdc.Star.Postgres;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.Extensions.Options;
using Npgsql;

namespace AspireCdc.Api.InitDb;

/// <summary>The schema, the publication and the processor's role: what is missing, making it, dropping it.</summary>
internal sealed class ShopDatabase(ShopContext context, StarModel model, IOptions<CdcOptions> options, TimeProvider time)
{
    /// <summary>Two runs at a time would trip over each other.</summary>
    private const long Lock = 0x_c0de_cdc0;

    private const int Attempts = 5;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly CdcOptions _options = options.Value;

    /// <summary>Everything that differs from what it should be.</summary>
    public async Task<IReadOnlyList<string>> CheckAsync(CancellationToken cancellation)
    {
        var pending = (await context.Database.GetPendingMigrationsAsync(cancellation))
            .Select(migration => $"migration {migration} is not applied").ToArray();
        if (pending.Length > 0) return pending;

        await EnsureNoneIsDroppedAsync(cancellation);
        var connection = await context.OpenAsync(cancellation);
        var isSuperuser = await connection.QueryAsync(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user", row => row.GetBoolean(0), cancellation) is [true];
        var triggers = isSuperuser ? await SchemaTriggers.FindMissingAsync(connection, cancellation) : [];
        return [.. await FindServerProblemsAsync(connection, cancellation),
            .. (await FindRepairsAsync(connection, cancellation)).Where(repair => !repair.IsBlind).Select(repair => repair.Difference),
            .. triggers.Select(name => $"event trigger {name} is missing or switched off")];
    }

    /// <summary>Applies the migrations, then makes or repairs publication and role. Returns what had to be done.</summary>
    /// <exception cref="InitDbException">Something is as nobody but the user may change it; a table was dropped by hand.</exception>
    public async Task<IReadOnlyList<string>> InitializeAsync(CancellationToken cancellation)
    {
        await EnsureNoneIsDroppedAsync(cancellation);
        await context.Database.MigrateAsync(cancellation);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await RepairAsync(cancellation);
            }
            // Roles belong to the whole server: an init-db of another database may be changing the same one.
            catch (PostgresException e) when (attempt < Attempts
                && e is { SqlState: PostgresErrorCodes.InternalError, MessageText: "tuple concurrently updated" }
                or { SqlState: PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.DuplicateObject })
            {
                await Task.Delay(Pause, time, cancellation);
            }
        }
    }

    /// <summary>Makes the event triggers that are missing. Returns what was done, and a sentence where this user may not.</summary>
    public async Task<(IReadOnlyList<string> Done, string? Refusal)> MakeTriggersAsync(CancellationToken cancellation)
    {
        var connection = await context.OpenAsync(cancellation);
        await connection.ExecuteAsync($"SELECT pg_advisory_lock({Lock})", cancellation);
        try
        {
            return await SchemaTriggers.MakeAsync(connection, cancellation);
        }
        finally
        {
            // Also when nobody waits any more: the connection goes back to its pool as it is.
            await connection.ExecuteAsync($"SELECT pg_advisory_unlock({Lock})", CancellationToken.None);
        }
    }

    /// <summary>What only the server's administrator can change.</summary>
    public async Task<IReadOnlyList<string>> FindServerProblemsAsync(CancellationToken cancellation) =>
        await FindServerProblemsAsync(await context.OpenAsync(cancellation), cancellation);

    /// <summary>
    /// Empties the tables, waits until the readers of the slot have followed (PostgreSQL replicates TRUNCATE and no DROP), then drops them.
    /// Returns a sentence where they have not followed.
    /// </summary>
    public async Task<string?> DropAsync(CancellationToken cancellation)
    {
        var connection = await context.OpenAsync(cancellation);
        var tables = await ExistingTablesAsync(connection, cancellation);
        var dropped = new DroppedTables(context);
        if (tables.Count == 0 && await dropped.FindAsync(cancellation) is []) return null;

        string? complaint = null;
        if (tables.Count > 0)
        {
            await connection.ExecuteAsync(
                $"TRUNCATE {string.Join(", ", tables.Select(PostgresSql.Name))} RESTART IDENTITY", cancellation);
            complaint = await WaitForReaderAsync(connection, cancellation);
        }
        // Migrations drop what they have made, and fail over what is not there.
        await dropped.MakeAsync(cancellation);
        await context.GetService<IMigrator>().MigrateAsync(Migration.InitialDatabase, cancellation);
        return complaint;
    }

    private async Task EnsureNoneIsDroppedAsync(CancellationToken cancellation)
    {
        if (await new DroppedTables(context).FindAsync(cancellation) is [_, ..] dropped)
            throw new InitDbException(
                $"missing although the migrations that make tables are applied: {string.Join(", ", dropped)}. Somebody has dropped what " +
                "the migrations do not make again; nothing was changed. Bring it back from a backup, or have all tables made anew, " +
                "empty: init-db --recreate.");
    }

    private async Task<IReadOnlyList<string>> RepairAsync(CancellationToken cancellation)
    {
        var connection = await context.OpenAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        await connection.ExecuteAsync($"SELECT pg_advisory_xact_lock({Lock})", cancellation);
        var done = new List<string>();
        // The role's grants can be looked at only when it exists: what one round makes, the next one completes.
        while ((await FindRepairsAsync(connection, cancellation)).ExceptBy(done, repair => repair.Difference).ToList() is [_, ..] repairs)
            foreach (var repair in repairs)
            {
                await RunAsync(connection, repair, cancellation);
                done.Add(repair.Difference);
            }
        await transaction.CommitAsync(cancellation);
        return done;
    }

    private static async Task RunAsync(NpgsqlConnection connection, Repair repair, CancellationToken cancellation)
    {
        try
        {
            await connection.ExecuteAsync(repair.Statement, cancellation);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new InitDbException(
                $"{repair.Difference}, and the user {connection.UserName} may not change it ({e.MessageText}): run init-db as a superuser.",
                e);
        }
    }

    private async Task<IReadOnlyList<Repair>> FindRepairsAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
    [
        .. await Publication.FindRepairsAsync(connection, _options.Publication, model, cancellation),
        .. await ReplicationRole.FindRepairsAsync(connection, _options.Role, _options.Password, model, cancellation),
    ];

    private static async Task<IReadOnlyList<string>> FindServerProblemsAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        await connection.QueryAsync("SELECT current_setting('wal_level')", row => row.GetString(0), cancellation) is ["logical"]
            ? []
            : ["wal_level is not logical: set wal_level=logical in postgresql.conf and restart the " +
                "server; nothing can be replicated until then"];

    private async Task<IReadOnlyList<string>> ExistingTablesAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        var tables = context.Model.GetEntityTypes().Select(entity => entity.GetTableName()!).ToArray();
        return await connection.QueryAsync(
            "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = " +
            "'r' AND relname = ANY ($1) ORDER BY relname",
            row => row.GetString(0), cancellation, (object)tables);
    }

    private async Task<string?> WaitForReaderAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        var truncated =
            (await connection.QueryAsync("SELECT pg_current_wal_flush_lsn()::text", row => row.GetString(0), cancellation)).Single();
        var start = time.GetTimestamp();
        while (true)
        {
            var slot = await connection.QueryAsync(
                "SELECT active, confirmed_flush_lsn >= $2::pg_lsn FROM pg_replication_slots WHERE " +
                "slot_name = $1 AND database = current_database()",
                row => (Active: row.GetBoolean(0), Followed: row.GetBoolean(1)), cancellation, _options.Slot, truncated);
            if (slot is [] or [{ Followed: true }]) return null;
            if (slot is [{ Active: false }])
                return $"Nobody reads the slot {_options.Slot}, so ClickHouse still has the old rows: run the " +
                    "processor's resync --all when it is back.";
            if (time.GetElapsedTime(start) > Patience)
                return $"The reader of the slot {_options.Slot} has not followed within {Patience.TotalSeconds:0} " +
                    "s: run the processor's resync --all.";
            await Task.Delay(Pause, time, cancellation); // PostgreSQL signals nobody when a slot advances.
        }
    }
}
