using System.Net.Http.Json;
using System.Text.Json;

namespace AspireCdc.AppHost.Commands;

/// <summary>What the dashboard offers for the change processor: the same requests as its own command line makes.</summary>
internal static class ProcessorCommands
{
    public const string Pause = "pause";
    public const string Resume = "resume";
    public const string Resync = "resync";
    public const string ResyncAll = "resync-all";

    /// <summary>The input of <see cref="Resync"/>.</summary>
    public const string Table = "table";

    public static IResourceBuilder<ProjectResource> WithProcessorCommands(
        this IResourceBuilder<ProjectResource> processor, IResourceBuilder<ParameterResource>? token)
    {
        var operations = new Operations(processor.GetEndpoint("http"), token?.Resource);
        return processor
            .WithCommand(Pause, "Pause", context => operations.PostAsync("pause", context.CancellationToken), new()
            {
                Description = "Nothing more goes to ClickHouse; PostgreSQL keeps what has changed meanwhile.",
                IconName = "Pause",
                UpdateState = CommandState.WhenHealthy,
            })
            .WithCommand(Resume, "Resume", context => operations.PostAsync("resume", context.CancellationToken), new()
            {
                Description = "Goes on where it was paused.",
                IconName = "FastForward",
                UpdateState = CommandState.WhenRunning,
            })
            .WithCommand(
                Resync, "Resync a table",
                context => operations.PostAsync(
                    $"resync?table={Uri.EscapeDataString(context.Arguments[Table].Value!)}", context.CancellationToken), new()
                    {
                        Description = "Copies one table anew, beside the stream.",
                        IconName = "ArrowSync",
                        UpdateState = CommandState.WhenHealthy,
                        Arguments =
                    [
                        new()
                        {
                            Name = Table,
                            Label = "Table",
                            InputType = InputType.Choice,
                            Required = true,
                            DynamicLoading = new() { LoadCallback = operations.LoadTablesAsync },
                        },
                    ],
                    })
            .WithCommand(
                ResyncAll, "Resync everything", context => operations.PostAsync("resync?all=true", context.CancellationToken), new()
                {
                    Description = "Copies every table anew, from a new replication slot.",
                    ConfirmationMessage = "Every table in ClickHouse is filled anew from PostgreSQL, from a new replication slot. Go on?",
                    IconName = "ArrowSyncCircle",
                    UpdateState = CommandState.WhenRunning,
                });
    }

    /// <summary>The operations of a running processor.</summary>
    private sealed class Operations(EndpointReference processor, ParameterResource? token)
    {
        public async Task<ExecuteCommandResult> PostAsync(string operation, CancellationToken cancellationToken)
        {
            using var http = await ClientAsync(cancellationToken);
            using var response = await http.PostAsync(operation, content: null, cancellationToken);
            var sentence = await response.Content.ReadAsStringAsync(cancellationToken);
            return response.IsSuccessStatusCode ? CommandResults.Success(sentence)
                : CommandResults.Failure(sentence.Length > 0 ? sentence : $"The processor answered {(int)response.StatusCode}.");
        }

        /// <summary>The tables that the processor replicates, as it says itself.</summary>
        public async Task LoadTablesAsync(LoadInputContext load)
        {
            using var http = await ClientAsync(load.CancellationToken);
            var status = await http.GetFromJsonAsync<JsonElement>("status", load.CancellationToken);
            load.Input.Options = [.. status.GetProperty("tables").EnumerateArray()
                .Select(table => table.GetProperty("source").GetString()!)
                .Select(name => KeyValuePair.Create(name, name))];
        }

        private async Task<HttpClient> ClientAsync(CancellationToken cancellationToken)
        {
            var http = new HttpClient { BaseAddress = new($"{processor.Url}/operations/") };
            http.DefaultRequestHeaders.UserAgent.ParseAdd("AppHost (dashboard)");
            if (token is not null)
                http.DefaultRequestHeaders.Authorization = new("Bearer", await token.GetValueAsync(cancellationToken));
            return http;
        }
    }
}
