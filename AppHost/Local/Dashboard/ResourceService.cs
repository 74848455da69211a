using AspireCdc.AppHost.Local.Dashboard.Contract;
using Grpc.Core;

namespace AspireCdc.AppHost.Local.Dashboard;

/// <summary>What the dashboard asks: which resources there are, what they print, and to carry out their commands.</summary>
internal sealed class ResourceService(
    DistributedApplicationModel model, ResourceNotificationService notifications, ResourceLoggerService logs, ResourceCommandService commands,
    ResourceMapper mapper, Prompts prompts) : DashboardService.DashboardServiceBase
{
    public override Task<ApplicationInformationResponse> GetApplicationInformation(ApplicationInformationRequest request, ServerCallContext context) =>
        Task.FromResult(new ApplicationInformationResponse { ApplicationName = "AspireCdc" });

    public override Task WatchResources(
        WatchResourcesRequest request, IServerStreamWriter<WatchResourcesUpdate> responseStream, ServerCallContext context) =>
        UntilTheCallerLeavesAsync(async cancellationToken =>
        {
            var initial = new InitialResourceData();
            foreach (var resource in model.Resources)
            {
                if (notifications.TryGetCurrentState(resource.Name, out var now))
                    initial.Resources.Add(mapper.Map(now));
            }

            await responseStream.WriteAsync(new() { InitialData = initial }, cancellationToken);
            await foreach (var change in notifications.WatchAsync(cancellationToken))
            {
                var changes = new WatchResourcesChanges { Value = { new WatchResourcesChange { Upsert = mapper.Map(change) } } };
                await responseStream.WriteAsync(new() { Changes = changes }, cancellationToken);
            }
        }, context);

    public override Task WatchResourceConsoleLogs(
        WatchResourceConsoleLogsRequest request, IServerStreamWriter<WatchResourceConsoleLogsUpdate> responseStream, ServerCallContext context) =>
        UntilTheCallerLeavesAsync(async cancellationToken =>
        {
            var name = mapper.ResourceName(request.ResourceName);
            if (model.Resources.FirstOrDefault(resource => resource.Name == name) is not { } resource)
                return;
            var lines = request.SuppressFollow ? logs.GetAllAsync(resource) : logs.WatchAsync(resource);
            await foreach (var batch in lines.WithCancellation(cancellationToken))
            {
                var update = new WatchResourceConsoleLogsUpdate();
                update.LogLines.AddRange(batch.Select(line => new ConsoleLogLine { Text = line.Content, IsStdErr = line.IsErrorMessage, LineNumber = line.LineNumber }));
                await responseStream.WriteAsync(update, cancellationToken);
            }
        }, context);

    public override async Task<ResourceCommandResponse> ExecuteResourceCommand(ResourceCommandRequest request, ServerCallContext context)
    {
        var name = mapper.ResourceName(request.ResourceName);
        var result = await commands.ExecuteCommandAsync(
            name, request.CommandName, inputs => AskAsync(name, request.CommandName, inputs, context.CancellationToken), context.CancellationToken);
        var response = new ResourceCommandResponse
        {
            Kind = result.Success ? ResourceCommandResponseKind.Succeeded
                : result.Canceled ? ResourceCommandResponseKind.Cancelled
                : ResourceCommandResponseKind.Failed,
        };
        if (result.Message is { } message)
            response.Message = message;
        return response;
    }

    /// <summary>Questions go out, answers come in. The dashboard counts as connected only while this stream is open.</summary>
    public override Task WatchInteractions(
        IAsyncStreamReader<WatchInteractionsRequestUpdate> requestStream, IServerStreamWriter<WatchInteractionsResponseUpdate> responseStream,
        ServerCallContext context) =>
        UntilTheCallerLeavesAsync(async cancellationToken =>
        {
            using var leaving = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var questions = prompts.Watch(leaving.Token);
            await context.WriteResponseHeadersAsync([]);
            var asking = AskAsync();
            try
            {
                while (await requestStream.MoveNext(cancellationToken))
                    prompts.Answer(requestStream.Current);
            }
            finally
            {
                await leaving.CancelAsync();
                await asking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            async Task AskAsync()
            {
                await foreach (var question in questions.ReadAllAsync(leaving.Token))
                    await responseStream.WriteAsync(question, leaving.Token);
            }
        }, context);

    private Task<bool> AskAsync(string resourceName, string commandName, InteractionInputCollection inputs, CancellationToken cancellationToken)
    {
        var command = model.Resources.First(resource => resource.Name == resourceName)
            .Annotations.OfType<ResourceCommandAnnotation>().First(command => command.Name == commandName);
        return prompts.AskAsync(command.DisplayName, command.Options.Description, inputs, cancellationToken);
    }

    private static async Task UntilTheCallerLeavesAsync(Func<CancellationToken, Task> serve, ServerCallContext context)
    {
        try
        {
            await serve(context.CancellationToken);
        }
        catch (Exception exception) when (context.CancellationToken.IsCancellationRequested && exception is OperationCanceledException or IOException or InvalidOperationException)
        {
            // The dashboard has closed the stream, as it does when a page is left.
        }
    }
}
