using System.Globalization;

namespace AspireCdc.Api.Resources;

/// <summary>Which part of a list is asked for: rows after a key, and at most how many.</summary>
internal readonly record struct Page(int? Limit, long After)
{
    public const int MaxLimit = 1000;

    public static Page Parse(string? limit, string? after)
    {
        var errors = new FieldErrors();
        var page = new Page(null, 0);
        if (limit is not null)
            page = page with { Limit = errors.ReadInteger("limit", limit, 1, MaxLimit) };
        if (after is not null)
        {
            if (long.TryParse(after, NumberStyles.None, CultureInfo.InvariantCulture, out var key)) page = page with { After = key };
            else errors.Add("after", "must be the id of a row, as the link to the next page has it");
        }
        errors.ThrowIfAny();
        return page;
    }

    /// <summary>The <c>Link</c> header to the page after this one.</summary>
    public string LinkToNext(HttpRequest request, long last) =>
        $"<{request.PathBase}{request.Path}?limit={Limit}&after={last}>; rel=\"next\"";
}
