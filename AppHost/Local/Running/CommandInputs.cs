namespace AspireCdc.AppHost.Local.Running;

/// <summary>The inputs of one execution of a command.</summary>
internal sealed class CommandInputs(IReadOnlyList<InteractionInput> described)
{
    public InteractionInputCollection Values { get; } = new([.. described.Select(input => new InteractionInput
    {
        Name = input.Name,
        Label = input.Label,
        InputType = input.InputType,
        Required = input.Required,
        Options = input.Options,
        DynamicLoading = input.DynamicLoading,
        Value = input.Value,
    })]);

    /// <summary>Fills in what is known only now.</summary>
    public async Task LoadAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        foreach (var input in Values)
        {
            if (input.DynamicLoading is { } loading)
                await loading.LoadCallback(new() { Input = input, Services = services, CancellationToken = cancellationToken });
        }
    }

    /// <summary>What is wrong with the values, if anything is.</summary>
    public string? FindError() => Values.Select(FindError).FirstOrDefault(error => error is not null);

    private static string? FindError(InteractionInput input) => input switch
    {
        { Value: null or "" } => input.Required ? $"'{input.Label ?? input.Name}' needs a value." : null,
        { InputType: InputType.Choice, Options: { } options, Value: var value } when options.All(option => option.Key != value) =>
            $"'{input.Label ?? input.Name}' is '{input.Value}'; it takes one of {string.Join(", ", options.Select(option => option.Key))}.",
        _ => null,
    };
}
