using AspireCdc.AppHost.Local.Running;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>Executes the commands of resources: those that every resource has (start, stop, restart) and those of its own.</summary>
internal sealed class ResourceCommandService(DistributedApplicationModel model, IServiceProvider services)
{
    public Task<ExecuteCommandResult> ExecuteCommandAsync(IResource resource, string commandName, CancellationToken cancellationToken = default) =>
        ExecuteCommandAsync(resource.Name, commandName, cancellationToken);

    public Task<ExecuteCommandResult> ExecuteCommandAsync(string resourceId, string commandName, CancellationToken cancellationToken = default) =>
        ExecuteCommandAsync(resourceId, commandName, new InteractionInputCollection([]), cancellationToken);

    /// <summary>Executes a command with what it would ask for.</summary>
    public Task<ExecuteCommandResult> ExecuteCommandAsync(
        string resourceId, string commandName, InteractionInputCollection arguments, CancellationToken cancellationToken = default) =>
        ExecuteCommandAsync(resourceId, commandName, inputs =>
        {
            foreach (var argument in arguments)
                inputs[argument.Name].Value = argument.Value;
            return Task.FromResult(true);
        }, cancellationToken);

    /// <summary>Executes a command that asks for its inputs; false means that whoever was asked has thought better of it.</summary>
    internal async Task<ExecuteCommandResult> ExecuteCommandAsync(
        string resourceId, string commandName, Func<InteractionInputCollection, Task<bool>> ask, CancellationToken cancellationToken)
    {
        var resource = model.Resources.FirstOrDefault(resource => resource.Name == resourceId);
        var command = resource?.Annotations.OfType<ResourceCommandAnnotation>().FirstOrDefault(command => command.Name == commandName);
        if (command is null)
            return CommandResults.Failure($"Resource '{resourceId}' has no command '{commandName}'.");
        try
        {
            var inputs = new CommandInputs(command.Options.Arguments);
            await inputs.LoadAsync(services, cancellationToken);
            if (!await ask(inputs.Values))
                return CommandResults.Canceled();
            return inputs.FindError() is { } error
                ? CommandResults.Failure(error)
                : await command.ExecuteCommand(new() { Services = services, ResourceName = resourceId, CancellationToken = cancellationToken, Arguments = inputs.Values });
        }
        catch (OperationCanceledException)
        {
            return CommandResults.Canceled();
        }
        catch (Exception exception)
        {
            // Whatever goes wrong in a command is shown to whoever gave it.
            return CommandResults.Failure(exception.Message);
        }
    }
}
