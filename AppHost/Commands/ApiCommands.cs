namespace AspireCdc.AppHost.Commands;

/// <summary>What the dashboard offers for the API: something to look at, and a fresh start.</summary>
internal static class ApiCommands
{
    public const string GenerateLoad = "generate-load";
    public const string ResetData = "reset-data";

    private static readonly TimeSpan LoadLasts = TimeSpan.FromSeconds(5);

    /// <param name="api">The API.</param>
    /// <param name="initDb">What makes its database; to reset the data it runs once more, and recreates the tables.</param>
    public static IResourceBuilder<ProjectResource> WithApiCommands(this IResourceBuilder<ProjectResource> api, IResourceBuilder<ProjectResource> initDb)
    {
        var endpoint = api.GetEndpoint("http");
        var reset = new DataReset(initDb);
        return api
            .WithCommand(
                GenerateLoad, "Generate load",
                async context =>
                {
                    using var http = new HttpClient { BaseAddress = new(endpoint.Url) };
                    return CommandResults.Success(await new ShopLoad(http).RunAsync(LoadLasts, context.CancellationToken));
                },
                new()
                {
                    Description = $"Makes customers, products and orders with items for {LoadLasts.TotalSeconds} seconds.",
                    IconName = "TopSpeed",
                    UpdateState = CommandState.WhenHealthy,
                })
            .WithCommand(ResetData, "Reset data", context => reset.RunAsync(context.Services, context.CancellationToken), new()
            {
                Description = "Recreates PostgreSQL's tables, empty; ClickHouse follows.",
                ConfirmationMessage = "This destroys every row of the shop, in PostgreSQL and in ClickHouse. Go on?",
                IconName = "Delete",
                UpdateState = CommandState.WhenHealthy,
            });
    }
}
