using System.Collections;

namespace Aspire.Hosting.ApplicationModel;

internal enum InputType
{
    Text,
    SecretText,
    Choice,
    Boolean,
    Number,
}

/// <summary>Something that somebody is asked for.</summary>
internal sealed class InteractionInput
{
    public required string Name { get; init; }

    public string? Label { get; init; }

    public required InputType InputType { get; init; }

    public bool Required { get; init; }

    /// <summary>What a choice offers: values with the texts that stand for them.</summary>
    public IReadOnlyList<KeyValuePair<string, string>>? Options { get; set; }

    public InputLoadOptions? DynamicLoading { get; init; }

    public string? Value { get; set; }
}

internal sealed class InputLoadOptions
{
    /// <summary>Sets the input's options or value when they are needed.</summary>
    public required Func<LoadInputContext, Task> LoadCallback { get; init; }
}

internal sealed class LoadInputContext
{
    public required InteractionInput Input { get; init; }

    public required IServiceProvider Services { get; init; }

    public required CancellationToken CancellationToken { get; init; }
}

/// <summary>Inputs by name and in order.</summary>
internal sealed class InteractionInputCollection(IReadOnlyList<InteractionInput> inputs) : IReadOnlyList<InteractionInput>
{
    public InteractionInput this[int index] => inputs[index];

    public InteractionInput this[string name] =>
        inputs.FirstOrDefault(input => input.Name == name) ?? throw new KeyNotFoundException($"There is no input '{name}'.");

    public int Count => inputs.Count;

    public IEnumerator<InteractionInput> GetEnumerator() => inputs.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
