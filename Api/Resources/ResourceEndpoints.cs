using AspireCdc.Shop;
using Microsoft.AspNetCore.Mvc;

namespace AspireCdc.Api.Resources;

/// <summary>The six endpoints that every resource has.</summary>
internal static class ResourceEndpoints
{
    private const string Json = "application/json";

    public static void MapResource<T>(this IEndpointRouteBuilder routes, string path) where T : Entity
    {
        var (one, many) = (path.TrimEnd('s').Replace('-', ' '), path.Replace('-', ' '));
        var name = typeof(T).Name;
        var group = routes.MapGroup(path).WithTags(path);

        group.MapGet("", ListAsync<T>).Named($"list{name}s", $"List {many}, all of them or page by page")
            .Produces<IEnumerable<T>>().Fails(422, 500, 503);
        group.MapGet("{id:long}", GetAsync<T>).Named($"get{name}", $"Get one {one}")
            .Produces<T>().Produces(304).Fails(404, 500, 503);
        group.MapPost("", CreateAsync<T>).Named($"create{name}", $"Create a new {one}")
            .Accepts<T>(Json).Produces<T>(201).Fails(400, 409, 413, 415, 422, 500, 503);
        group.MapPut("{id:long}", ReplaceAsync<T>).Named($"replace{name}", $"Replace one {one}: all required fields are needed")
            .Accepts<T>(Json).Produces<T>().Fails(400, 404, 409, 412, 413, 415, 422, 500, 503);
        group.MapPatch("{id:long}", PatchAsync<T>).Named($"update{name}", $"Change some fields of one {one}")
            .Accepts<Patch<T>>(Json).Produces<T>().Fails(400, 404, 409, 412, 413, 415, 422, 500, 503);
        group.MapDelete("{id:long}", DeleteAsync<T>).Named($"delete{name}", $"Delete one {one}")
            .Produces(204).Fails(404, 409, 412, 500, 503);
    }

    private static RouteHandlerBuilder Named(this RouteHandlerBuilder endpoint, string operation, string summary) =>
        // Not WithName(): these endpoints stand twice, and routing wants names only once.
        endpoint.WithSummary(summary).AddOpenApiOperationTransformer((description, _, _) =>
        {
            description.OperationId = operation;
            return Task.CompletedTask;
        });

    private static RouteHandlerBuilder Fails(this RouteHandlerBuilder endpoint, params int[] statuses)
    {
        foreach (var status in statuses)
            if (status == StatusCodes.Status422UnprocessableEntity) endpoint.ProducesValidationProblem(status);
            else endpoint.ProducesProblem(status);
        return endpoint;
    }

    private static async Task<IResult> ListAsync<T>(HttpContext http, Resource<T> resource, string? limit, string? after) where T : Entity
    {
        var page = Page.Parse(limit, after);
        if (page.Limit is null) return new ListResult<T>(resource.Stream(page));

        var (rows, more) = await resource.ReadAsync(page, http.RequestAborted);
        if (more) http.Response.Headers.Link = page.LinkToNext(http.Request, rows[^1].Id);
        return new ListResult<T>(rows.ToAsyncEnumerable());
    }

    private static async Task<IResult> GetAsync<T>(
        HttpContext http, Resource<T> resource, long id, [FromHeader(Name = "If-None-Match")] string? ifNoneMatch) where T : Entity
    {
        var found = await resource.FindAsync(id, http.RequestAborted);
        if (!found.IsNamedBy(ifNoneMatch, strong: false)) return new ResourceResult(found);
        http.Response.Headers.ETag = found.Tag.ToString();
        return TypedResults.StatusCode(StatusCodes.Status304NotModified);
    }

    private static async Task<IResult> CreateAsync<T>(
        HttpContext http, Resource<T> resource, [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey) where T : Entity
    {
        var body = await RequestBody.ReadAsync(http.Request);
        var created = await resource.CreateAsync(body, idempotencyKey, http.Request.Path, http.RequestAborted);
        http.Response.Headers.Location = $"{http.Request.PathBase}{http.Request.Path}/{created.Id}";
        return new ResourceResult(created, StatusCodes.Status201Created);
    }

    private static Task<IResult> ReplaceAsync<T>(
        HttpContext http, Resource<T> resource, long id, [FromHeader(Name = "If-Match")] string? ifMatch)
        where T : Entity => UpdateAsync(http, resource, id, ifMatch, complete: true);

    private static Task<IResult> PatchAsync<T>(
        HttpContext http, Resource<T> resource, long id, [FromHeader(Name = "If-Match")] string? ifMatch)
        where T : Entity => UpdateAsync(http, resource, id, ifMatch, complete: false);

    private static async Task<IResult> UpdateAsync<T>(
        HttpContext http, Resource<T> resource, long id, string? ifMatch, bool complete) where T : Entity
    {
        var body = await RequestBody.ReadAsync(http.Request);
        var updated = await resource.UpdateAsync(id, body, complete, ifMatch, http.RequestAborted);
        return new ResourceResult(updated);
    }

    private static async Task<IResult> DeleteAsync<T>(
        HttpContext http, Resource<T> resource, long id, [FromHeader(Name = "If-Match")] string? ifMatch)
        where T : Entity
    {
        await resource.DeleteAsync(id, ifMatch, http.RequestAborted);
        return TypedResults.NoContent();
    }
}
