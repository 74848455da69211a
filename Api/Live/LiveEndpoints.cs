using AspireCdc.Api.Live.Feed;
using AspireCdc.Api.Live.Load;
using AspireCdc.Api.Resources;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;

namespace AspireCdc.Api.Live;

/// <summary>The live page: the pipeline, both databases side by side, and how long a change takes from one to the other.</summary>
internal static class LiveEndpoints
{
    /// <summary>Nothing but the page's own files, and nobody may frame it.</summary>
    private const string OwnFilesOnly =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static readonly TimeSpan LongestOperation = TimeSpan.FromSeconds(10);

    /// <summary>The longest load that one request may ask for, in seconds.</summary>
    private const int LongestLoad = 300;

    public static void AddLivePage(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton<StarReader>().AddSingleton<WriteFlow>().AddSingleton<LiveFeed>();
        services.AddSingleton<ShopLoad>().AddHostedService(provider => provider.GetRequiredService<ShopLoad>());
        services.AddHostedService<LiveWatching>();
        services.AddSingleton<ILiveWatch, PostgresWatch>().AddSingleton<ILiveWatch, ClickHouseWatch>();
        services.AddSingleton<ILiveWatch, RevenueWatch>().AddSingleton<ILiveWatch, ApiWatch>();
        services.AddSingleton<ILiveWatch, VerificationWatch>();
        AddProcessor("processor", ProcessorClient.Processor);
        if (configuration.GetSection($"services:{ProcessorClient.Connector}").Exists())
            AddProcessor("connector", ProcessorClient.Connector);
        ProcessorClient.AddTo(services);

        void AddProcessor(string name, string service) => services.AddSingleton<ILiveWatch>(provider => new ProcessorWatch(
            name, provider.GetRequiredKeyedService<ProcessorClient>(service), provider.GetRequiredService<TimeProvider>()));
    }

    /// <summary>Serves the page at <c>/</c> and what it asks for under <c>/live</c>; neither is part of the API's document.</summary>
    public static void MapLivePage(this WebApplication app)
    {
        app.UseDefaultFiles();
        app.UseStaticFiles(new StaticFileOptions
        {
            OnPrepareResponse = file => file.Context.Response.Headers[HeaderNames.ContentSecurityPolicy] = OwnFilesOnly,
        });
        var live = app.MapGroup("/live").ExcludeFromDescription();
        live.MapGet("/events", Events);
        live.MapGet("/links", Links);
        // In production nobody unnamed may put load on the shop, or stop what feeds ClickHouse.
        if (!app.Environment.IsDevelopment())
            return;
        live.MapPost("/load", (string? writes, ShopLoad load) => load.Set(Number("writes", writes, 0, ShopLoad.MostWrites)));
        live.MapPost("/load/run", RunLoadAsync);
        foreach (var operation in (string[])["pause", "resume", "verify"])
            live.MapPost($"/processor/{operation}",
                ([FromKeyedServices(ProcessorClient.Processor)] ProcessorClient processor, CancellationToken cancellationToken) =>
                    AskAsync(processor, operation, cancellationToken));
    }

    private static ServerSentEventsResult<string> Events(
        LiveFeed feed, IHostApplicationLifetime lifetime, CancellationToken cancellationToken) =>
        TypedResults.ServerSentEvents(feed.FollowAsync(lifetime.ApplicationStopping, cancellationToken));

    /// <summary>Where the dashboard is, if there is one, and what this environment lets the page do.</summary>
    private static LiveLinks Links(IConfiguration configuration, IHostEnvironment environment) =>
        new(configuration["Live:Dashboard"], environment.IsDevelopment());

    /// <summary>Makes load for as long as it is asked to, and no longer than somebody waits for the answer.</summary>
    private static async Task<Results<Ok<ShopWrites>, ProblemHttpResult>> RunLoadAsync(
        string? seconds, ShopLoad load, CancellationToken cancellationToken)
    {
        var duration = TimeSpan.FromSeconds(Number("seconds", seconds, 1, LongestLoad));
        try
        {
            return TypedResults.Ok(await load.RunAsync(duration, cancellationToken));
        }
        catch (HttpRequestException e)
        {
            return TypedResults.Problem(e.Message, statusCode: StatusCodes.Status502BadGateway);
        }
    }

    private static int Number(string name, string? text, int least, int most)
    {
        var errors = new FieldErrors();
        var number = errors.ReadInteger(name, text, least, most);
        errors.ThrowIfAny();
        return number!.Value;
    }

    private static async Task<Results<Ok<string>, ProblemHttpResult>> AskAsync(
        ProcessorClient processor, string operation, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(LongestOperation);
        var (done, says) = await processor.PostAsync(operation, patience.Token);
        return done ? TypedResults.Ok(says) : TypedResults.Problem(says, statusCode: StatusCodes.Status502BadGateway);
    }
}

/// <summary>What the page has to know once.</summary>
/// <param name="Dashboard">The address of Aspire's dashboard; null without one.</param>
/// <param name="Operates">The page may make load, and pause the processor.</param>
internal sealed record LiveLinks(string? Dashboard, bool Operates);
