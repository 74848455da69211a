using System.Text.Json;
using AspireCdc.Api.Errors;
using AspireCdc.Shop;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.Extensions.Options;
using Npgsql;

namespace AspireCdc.Api.Resources;

/// <summary>Reading and writing the rows of one entity.</summary>
internal sealed class Resource<T>(ShopContext context, EntityBinder binder, IdempotencyStore idempotency, IOptions<JsonOptions> json)
    where T : Entity
{
    private static readonly Func<ShopContext, long, CancellationToken, Task<T?>> ById = EF.CompileAsyncQuery(
        (ShopContext context, long id, CancellationToken _) => context.Set<T>().AsNoTracking().FirstOrDefault(entity => entity.Id == id));

    private readonly JsonSerializerOptions _json = json.Value.SerializerOptions;

    private static string Name => JsonNamingPolicy.CamelCase.ConvertName(typeof(T).Name);

    public IAsyncEnumerable<T> Stream(Page page) => After(page.After).AsAsyncEnumerable();

    /// <summary>The rows of a page, and whether there are more.</summary>
    public async Task<(List<T> Rows, bool More)> ReadAsync(Page page, CancellationToken cancellation)
    {
        var rows = await After(page.After).Take(page.Limit!.Value + 1).ToListAsync(cancellation);
        var more = rows.Count > page.Limit;
        if (more) rows.RemoveAt(rows.Count - 1);
        return (rows, more);
    }

    public async Task<Representation> FindAsync(long id, CancellationToken cancellation) =>
        Represent(await ById(context, id, cancellation) ?? throw ProblemException.NotFound(Name, id));

    public async Task<Representation> CreateAsync(RequestBody body, string? idempotencyKey, string path, CancellationToken cancellation)
    {
        T entity;
        using (RequestStep.Begin($"read {Name}"))
            entity = await binder.CreateAsync<T>(body);
        return idempotencyKey is null
            ? await InsertAsync()
            : await idempotency.OnceAsync(idempotencyKey, path, body, InsertAsync, cancellation);

        async Task<Representation> InsertAsync()
        {
            await SaveAsync(entity, cancellation, isNew: true);
            return Represent(entity);
        }
    }

    public async Task<Representation> UpdateAsync(long id, RequestBody body, bool complete, string? ifMatch, CancellationToken cancellation)
    {
        context.Database.AutoSavepointsEnabled = false; // Two round trips, and a write that fails ends the transaction anyway.
        await using var transaction = await context.Database.BeginTransactionAsync(cancellation);
        var entity = await LockAsync(id, ifMatch, cancellation);
        using (RequestStep.Begin($"read {Name}"))
            await binder.UpdateAsync(entity, body, complete);
        await SaveAsync(entity, cancellation);
        await transaction.CommitAsync(cancellation);
        return Represent(entity);
    }

    public async Task DeleteAsync(long id, string? ifMatch, CancellationToken cancellation)
    {
        await using var transaction = await context.Database.BeginTransactionAsync(cancellation);
        await LockAsync(id, ifMatch, cancellation);
        try
        {
            // The rows that depend on this one are the database's affair (ON DELETE).
            await context.Set<T>().Where(entity => entity.Id == id).ExecuteDeleteAsync(cancellation);
        }
        catch (PostgresException e) when (ConstraintProblem.OnDelete(e, Name, id) is { } problem)
        {
            throw problem;
        }
        await transaction.CommitAsync(cancellation);
    }

    private IQueryable<T> After(long key) => context.Set<T>().AsNoTracking().Where(entity => entity.Id > key).OrderBy(entity => entity.Id);

    private Representation Represent(T entity) => Representation.Of(entity, _json);

    /// <summary>
    /// The row and its items, as they are once this transaction alone may change them. Locked by one statement and read by the next: a
    /// statement that waited for a lock has seen the items as they were before.
    /// </summary>
    private async Task<T> LockAsync(long id, string? ifMatch, CancellationToken cancellation)
    {
        await context.Database.ExecuteSqlRawAsync(LockStatements(), [id], cancellation);
        var entity = await context.Set<T>().FirstOrDefaultAsync(entity => entity.Id == id, cancellation)
            ?? throw ProblemException.NotFound(Name, id);
        return Represent(entity).Matches(ifMatch)
            ? entity
            : throw new ProblemException(
                StatusCodes.Status412PreconditionFailed, $"The {Name} {id} has changed since it was read: read it again.");
    }

    private string LockStatements()
    {
        var type = context.Model.FindEntityType(typeof(T))!;
        var items = type.GetNavigations().Where(navigation => navigation.IsCollection)
            .Select(navigation => Lock(navigation.TargetEntityType, navigation.ForeignKey.Properties.Single()));
        return string.Join("; ", items.Prepend(Lock(type, type.FindPrimaryKey()!.Properties.Single())));

        static string Lock(IEntityType type, IProperty key) =>
            $"SELECT FROM \"{type.GetTableName()}\" WHERE {key.GetColumnName()} = {{0}} FOR UPDATE";
    }

    private async Task SaveAsync(T entity, CancellationToken cancellation, bool isNew = false)
    {
        using var step = RequestStep.Begin($"save {Name}");
        if (isNew)
            context.Add(entity);
        try
        {
            await context.SaveChangesAsync(cancellation);
        }
        catch (DbUpdateException e) when (ConstraintProblem.OnSave(e, entity, context) is { } problem)
        {
            throw problem;
        }
    }
}
