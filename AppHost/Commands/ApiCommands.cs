using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace AspireCdc.AppHost.Commands;

/// <summary>What the dashboard offers for the API: something to look at, and a fresh start.</summary>
internal static class ApiCommands
{
    public const string GenerateLoad = "generate-load";
    public const string ResetData = "reset-data";

    /// <summary>The input of <see cref="GenerateLoad"/>: for how long, from 1 to <see cref="LongestLoad"/>.</summary>
    public const string Seconds = "seconds";

    private const int LongestLoad = 300;

    /// <param name="api">The API.</param>
    /// <param name="initDb">What makes its database; to reset the data it runs once more, and recreates the tables.</param>
    public static IResourceBuilder<ProjectResource> WithApiCommands(
        this IResourceBuilder<ProjectResource> api, IResourceBuilder<ProjectResource> initDb)
    {
        var endpoint = api.GetEndpoint("http");
        var reset = new DataReset(initDb);
        return api
            .WithCommand(
                GenerateLoad, "Generate load",
                async context =>
                {
                    using var http = new HttpClient { BaseAddress = new(endpoint.Url), Timeout = Timeout.InfiniteTimeSpan };
                    var seconds = int.Parse(context.Arguments[Seconds].Value!, CultureInfo.InvariantCulture);
                    using var answer = await http.PostAsync($"/live/load/run?seconds={seconds}", null, context.CancellationToken);
                    var made = await answer.Content.ReadFromJsonAsync<JsonElement>(context.CancellationToken);
                    return answer.IsSuccessStatusCode
                        ? CommandResults.Success(
                            $"{made.GetProperty("orders")} orders with {made.GetProperty("items")} items, "
                            + $"{made.GetProperty("changes")} changes and {made.GetProperty("cancellations")} cancellations "
                            + $"in {seconds} s.")
                        : CommandResults.Failure(made.GetProperty("detail").GetString()!);
                },
                new()
                {
                    Description = "Customers order, pay, move and cancel, at random. The live page has a slider for as much as you like.",
                    IconName = "TopSpeed",
                    UpdateState = CommandState.WhenHealthy,
                    Progress = new() { Message = "Customers order." },
                    Arguments = [new() { Name = Seconds, Label = "Seconds", InputType = InputType.Number, Required = true, Value = "5" }],
                    ValidateArguments = validation =>
                    {
                        var seconds = validation.Inputs[Seconds];
                        if (!int.TryParse(seconds.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var lasts)
                            || lasts is < 1 or > LongestLoad)
                            validation.AddValidationError(seconds, $"It takes 1 to {LongestLoad}.");
                        return Task.CompletedTask;
                    },
                })
            .WithCommand(ResetData, "Reset data", context => reset.RunAsync(context.Services, context.CancellationToken), new()
            {
                Description = "Recreates PostgreSQL's tables, empty; ClickHouse follows.",
                ConfirmationMessage = "This destroys every row of the shop, in PostgreSQL and in ClickHouse. Go on?",
                IconName = "Delete",
                Progress = new() { Message = "The tables are made anew, and ClickHouse follows.", HideCancelButton = true },
                UpdateState = CommandState.WhenHealthy,
            });
    }
}
