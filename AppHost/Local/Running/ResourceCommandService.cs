namespace Aspire.Hosting.ApplicationModel;

/// <summary>Executes the commands of resources: those that every resource has (start, stop, restart) and those of its own.</summary>
internal sealed class ResourceCommandService(DistributedApplicationModel model, IServiceProvider services)
{
    public async Task<ExecuteCommandResult> ExecuteCommandAsync(string resourceId, string commandName, CancellationToken cancellationToken = default)
    {
        var resource = model.Resources.FirstOrDefault(resource => resource.Name == resourceId);
        var command = resource?.Annotations.OfType<ResourceCommandAnnotation>().FirstOrDefault(command => command.Name == commandName);
        if (command is null)
            return CommandResults.Failure($"Resource '{resourceId}' has no command '{commandName}'.");
        try
        {
            return await command.ExecuteCommand(new() { ServiceProvider = services, ResourceName = resourceId, CancellationToken = cancellationToken });
        }
        catch (OperationCanceledException)
        {
            return new() { Success = false, Canceled = true };
        }
        catch (Exception exception)
        {
            // Whatever goes wrong in a command is shown to whoever gave it.
            return CommandResults.Failure(exception.Message);
        }
    }
}
