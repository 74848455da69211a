using System.Text.Json.Serialization;

namespace AspireCdc.AppHost.Doctor;

/// <summary>What one check has found.</summary>
/// <param name="Part">What was examined: <c>machine</c>, or the name of a resource.</param>
/// <param name="Check">The check's name.</param>
/// <param name="Verdict">How it stands.</param>
/// <param name="Says">What was found, as a sentence.</param>
/// <param name="Cure">What to do, a command where there is one; null where nothing is to be done.</param>
internal sealed record Finding(string Part, string Check, Verdict Verdict, string Says, string? Cure = null);

/// <summary>How a check stands.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Verdict>))]
internal enum Verdict
{
    /// <summary>As it should be.</summary>
    Well,

    /// <summary>Something is to be done.</summary>
    Ill,

    /// <summary>It could not be asked, for a reason that another finding gives.</summary>
    Unasked,
}
