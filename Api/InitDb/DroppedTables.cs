using AspireCdc.Shop;
using AspireCdc.Star.Postgres;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.EntityFrameworkCore.Migrations.Operations;
using Npgsql;

namespace AspireCdc.Api.InitDb;

/// <summary>
/// Tables that the applied migrations have made and that are gone: somebody has dropped them by hand. No migration makes them again, since
/// all are applied, and none can be undone that has to do with them.
/// </summary>
internal sealed class DroppedTables(ShopContext context)
{
    /// <summary>Their names; none where there is no database yet.</summary>
    public async Task<IReadOnlyList<string>> FindAsync(CancellationToken cancellation) =>
        await AppliedAsync(cancellation) is { } applied
            ? [.. (await FindAsync(applied, cancellation)).Select(table => table.SchemaQualifiedName)]
            : [];

    /// <summary>
    /// Makes them once more, empty, with their indexes and the foreign keys that went with them: what leads to them has to be empty, too.
    /// </summary>
    public async Task MakeAsync(CancellationToken cancellation)
    {
        if (await AppliedAsync(cancellation) is not { } applied || await FindAsync(applied, cancellation) is not [_, ..] dropped)
            return;
        var made = Operations(applied, [.. dropped.Select(table => (table.Schema, table.Name))]);
        var connection = await context.OpenAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        foreach (var command in context.GetService<IMigrationsSqlGenerator>().Generate(made, applied.Model))
            await connection.ExecuteAsync(command.CommandText, cancellation);
        await transaction.CommitAsync(cancellation);
    }

    private IReadOnlyList<MigrationOperation> Operations(IRelationalModel applied, HashSet<(string?, string)> dropped)
    {
        var all = context.GetService<IMigrationsModelDiffer>().GetDifferences(source: null, applied);
        var tables = all.OfType<CreateTableOperation>().ToLookup(table => dropped.Contains((table.Schema, table.Name)));
        return
        [
            .. tables[true],
            .. all.OfType<CreateIndexOperation>().Where(index => dropped.Contains((index.Schema, index.Table))),
            .. tables[false].SelectMany(table => table.ForeignKeys)
                .Where(key => dropped.Contains((key.PrincipalSchema, key.PrincipalTable))),
            // Those that lead round in a circle stand by themselves.
            .. all.OfType<AddForeignKeyOperation>()
                .Where(key => dropped.Contains((key.Schema, key.Table)) || dropped.Contains((key.PrincipalSchema, key.PrincipalTable))),
        ];
    }

    /// <summary>What the applied migrations come to; null where there are none, or some that only a newer program has.</summary>
    private async Task<IRelationalModel?> AppliedAsync(CancellationToken cancellation)
    {
        if (!await HasHistoryAsync(cancellation))
            return null;
        var known = context.GetService<IMigrationsAssembly>();
        var applied = (await context.Database.GetAppliedMigrationsAsync(cancellation)).ToList();
        if (applied.Count == 0 || applied.Exists(migration => !known.Migrations.ContainsKey(migration)))
            return null;
        var last = known.CreateMigration(known.Migrations[applied[^1]], context.Database.ProviderName!);
        return context.GetService<IModelRuntimeInitializer>().Initialize(last.TargetModel, designTime: true, validationLogger: null)
            .GetRelationalModel();
    }

    /// <summary>Asked for its rows, a history that is not there would be an error in the server's log.</summary>
    private async Task<bool> HasHistoryAsync(CancellationToken cancellation)
    {
        try
        {
            return await (await context.OpenAsync(cancellation)).QueryAsync(
                $"SELECT to_regclass({PostgresSql.Literal(PostgresSql.Name(HistoryRepository.DefaultTableName))}) IS NOT NULL",
                row => row.GetBoolean(0), cancellation) is [true];
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InvalidCatalogName)
        {
            return false; // There is no such database yet.
        }
    }

    private async Task<IReadOnlyList<ITable>> FindAsync(IRelationalModel applied, CancellationToken cancellation)
    {
        ITable[] tables = [.. applied.Tables.Where(table => !table.IsExcludedFromMigrations)];
        var gone = await (await context.OpenAsync(cancellation)).QueryAsync(
            "SELECT place::int - 1 FROM unnest($1) WITH ORDINALITY AS wanted (name, place) WHERE to_regclass(name) IS NULL ORDER BY place",
            row => row.GetInt32(0), cancellation, (object)tables.Select(NameOf).ToArray());
        return [.. gone.Select(place => tables[place])];
    }

    private static string NameOf(ITable table) =>
        table.Schema is null ? PostgresSql.Name(table.Name) : $"{PostgresSql.Name(table.Schema)}.{PostgresSql.Name(table.Name)}";
}
