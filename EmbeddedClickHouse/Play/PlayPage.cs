namespace AspireCdc.EmbeddedClickHouse.Play;

/// <summary><c>/play</c>: a page that asks by SQL. It reads only, unless its user says otherwise.</summary>
internal static class PlayPage
{
    private const string Path = "/play";

    /// <summary>The page runs its own script and talks to its own server; nothing else runs, loads or frames.</summary>
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; " +
        "form-action 'none'; frame-ancestors 'none'";

    public static void MapPlayPage(this WebApplication app)
    {
        Map(app, Path, "play.html", "text/html; charset=utf-8");
        Map(app, $"{Path}/play.js", "play.js", "text/javascript; charset=utf-8");
        Map(app, $"{Path}/play.css", "play.css", "text/css; charset=utf-8");
    }

    private static void Map(WebApplication app, string path, string file, string type) => app.MapGet(path, (HttpResponse response) =>
    {
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        return Results.Stream(typeof(PlayPage).Assembly.GetManifestResourceStream(file)!, type);
    });
}
