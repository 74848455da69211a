using AspireCdc.Api.Data;
using Microsoft.AspNetCore.Mvc;

namespace AspireCdc.Api.Resources;

/// <summary>The six endpoints that every resource has.</summary>
internal static class ResourceEndpoints
{
    public static void MapResource<T>(this IEndpointRouteBuilder routes, string path) where T : Entity
    {
        var group = routes.MapGroup(path).WithTags(path);
        group.MapGet("", ListAsync<T>);
        group.MapGet("{id:long}", GetAsync<T>);
        group.MapPost("", CreateAsync<T>);
        group.MapPut("{id:long}", ReplaceAsync<T>);
        group.MapPatch("{id:long}", PatchAsync<T>);
        group.MapDelete("{id:long}", DeleteAsync<T>);
    }

    private static async Task<IResult> ListAsync<T>(HttpContext http, Resource<T> resource, string? limit, string? after) where T : Entity
    {
        var page = Page.Parse(limit, after);
        if (page.Limit is null) return new ListResult<T>(resource.Stream(page));

        var (rows, more) = await resource.ReadAsync(page, http.RequestAborted);
        if (more) http.Response.Headers.Link = page.LinkToNext(http.Request, rows[^1].Id);
        return new ListResult<T>(rows.ToAsyncEnumerable());
    }

    private static async Task<IResult> GetAsync<T>(HttpContext http, Resource<T> resource, long id, [FromHeader(Name = "If-None-Match")] string? ifNoneMatch) where T : Entity
    {
        var found = await resource.FindAsync(id, http.RequestAborted);
        if (!found.IsNamedBy(ifNoneMatch, strong: false)) return new ResourceResult(found);
        http.Response.Headers.ETag = found.Tag.ToString();
        return TypedResults.StatusCode(StatusCodes.Status304NotModified);
    }

    private static async Task<IResult> CreateAsync<T>(
        HttpContext http, Resource<T> resource, ShopContext context, [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey) where T : Entity
    {
        var body = await RequestBody.ReadAsync(http.Request);
        var created = await resource.CreateAsync(body, idempotencyKey, http.Request.Path, http.RequestAborted);
        http.Response.Headers.Location = $"{http.Request.PathBase}{http.Request.Path}/{created.Id}";
        await CommitPosition.AddToAsync(http.Response, context);
        return new ResourceResult(created, StatusCodes.Status201Created);
    }

    private static Task<IResult> ReplaceAsync<T>(HttpContext http, Resource<T> resource, ShopContext context, long id, [FromHeader(Name = "If-Match")] string? ifMatch)
        where T : Entity => UpdateAsync(http, resource, context, id, ifMatch, complete: true);

    private static Task<IResult> PatchAsync<T>(HttpContext http, Resource<T> resource, ShopContext context, long id, [FromHeader(Name = "If-Match")] string? ifMatch)
        where T : Entity => UpdateAsync(http, resource, context, id, ifMatch, complete: false);

    private static async Task<IResult> UpdateAsync<T>(HttpContext http, Resource<T> resource, ShopContext context, long id, string? ifMatch, bool complete) where T : Entity
    {
        var body = await RequestBody.ReadAsync(http.Request);
        var updated = await resource.UpdateAsync(id, body, complete, ifMatch, http.RequestAborted);
        await CommitPosition.AddToAsync(http.Response, context);
        return new ResourceResult(updated);
    }

    private static async Task<IResult> DeleteAsync<T>(HttpContext http, Resource<T> resource, ShopContext context, long id, [FromHeader(Name = "If-Match")] string? ifMatch)
        where T : Entity
    {
        await resource.DeleteAsync(id, ifMatch, http.RequestAborted);
        await CommitPosition.AddToAsync(http.Response, context);
        return TypedResults.NoContent();
    }
}
