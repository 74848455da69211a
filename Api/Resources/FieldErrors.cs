using System.Globalization;
using System.Text.Json;
using AspireCdc.Api.Errors;

namespace AspireCdc.Api.Resources;

/// <summary>What is wrong with a request, by the fields' names in JSON.</summary>
internal sealed class FieldErrors
{
    private readonly Dictionary<string, string[]> _errors = [];

    /// <summary>What is said of a parameter that <see cref="ReadInteger"/> cannot take.</summary>
    public static string NoInteger(int least, int most) => $"must be an integer from {least} to {most}";

    /// <summary>Reads a parameter that has to be an integer within bounds; null, with an error, where it is not.</summary>
    public int? ReadInteger(string field, string? text, int least, int most)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most)
            return number;
        Add(field, NoInteger(least, most));
        return null;
    }

    public void Add(string field, string complaint) => _errors.TryAdd(field, [complaint]);

    /// <summary>
    /// Adds what validation has found. A field that could not be read at all has its own error, and its default value has none of interest.
    /// </summary>
    public void AddWhereNone(IReadOnlyDictionary<string, string[]>? found)
    {
        var unreadable = _errors.Keys.ToArray();
        foreach (var (member, messages) in found ?? new Dictionary<string, string[]>())
        {
            var field = NameInJson(member);
            if (!unreadable.Any(name => field == name || field.StartsWith(name + '.', StringComparison.Ordinal)))
                _errors.Add(field, messages);
        }
    }

    public void ThrowIfAny()
    {
        if (_errors.Count > 0) throw ProblemException.Invalid(_errors);
    }

    /// <summary><c>Items[0].ProductId</c> is <c>items[0].productId</c> in JSON.</summary>
    private static string NameInJson(string path) => string.Join('.', path.Split('.').Select(JsonNamingPolicy.CamelCase.ConvertName));
}
