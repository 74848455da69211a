using System.Collections.ObjectModel;

namespace AspireCdc.Api.Errors;

/// <summary>A request that cannot be carried out, as its client is told.</summary>
internal sealed class ProblemException(int status, string detail, Exception? cause = null) : Exception(detail, cause)
{
    public int Status => status;

    /// <summary>What is wrong with each field, by its name in JSON.</summary>
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    /// <summary>What else the client is told, by name.</summary>
    public IReadOnlyDictionary<string, object?> Extensions { get; init; } = ReadOnlyDictionary<string, object?>.Empty;

    public static ProblemException Invalid(IReadOnlyDictionary<string, string[]> errors) =>
        new(StatusCodes.Status422UnprocessableEntity, Sentence(errors)) { Errors = errors };

    /// <summary>All that is wrong, for whoever shows one text: <c>name: is required; price: must have at most two decimals</c>.</summary>
    public static string Sentence(IReadOnlyDictionary<string, string[]> errors) =>
        string.Join("; ", errors.Select(field => $"{field.Key}: {string.Join(", ", field.Value)}"));

    public static ProblemException Invalid(string field, string message) =>
        Invalid(new Dictionary<string, string[]> { [field] = [message] });

    public static ProblemException NotFound(string resource, long id) =>
        new(StatusCodes.Status404NotFound, $"There is no {resource} {id}.");
}
