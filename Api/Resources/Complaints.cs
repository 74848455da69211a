using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Validation;

namespace AspireCdc.Api.Resources;

/// <summary>
/// What validation has found, in the voice of this API: what the value must be, without the field's name, which stands before it. The
/// framework's own sentences name the property as C# has it.
/// </summary>
internal static class Complaints
{
    /// <summary>The complaints about one field.</summary>
    public static string[] Of(ValidationErrorContext found)
    {
        if (found.Container?.GetType().GetProperty(found.Name) is not { } property)
            return [.. found.Errors];
        var (value, context) = (property.GetValue(found.Container), new ValidationContext(found.Container) { MemberName = property.Name });
        return [.. property.GetCustomAttributes<ValidationAttribute>()
            .Select(attribute => attribute.GetValidationResult(value, context) is { } result
                ? Sentence(attribute) ?? result.ErrorMessage ?? "" : "")
            .Where(complaint => complaint.Length > 0)];
    }

    /// <summary>What the attribute asks for; null where its own message says it.</summary>
    private static string? Sentence(ValidationAttribute attribute) => attribute switch
    {
        EmailAddressAttribute => "must be an email address",
        StringLengthAttribute { MinimumLength: > 0 } text => $"must have {text.MinimumLength} to {text.MaximumLength} characters",
        StringLengthAttribute text => $"must have at most {text.MaximumLength} characters",
        MaxLengthAttribute text => $"must have at most {text.Length} characters",
        MinLengthAttribute text => $"must have at least {text.Length} characters",
        RangeAttribute range => $"must be from {Shown(range.Minimum)} to {Shown(range.Maximum)}",
        RegularExpressionAttribute text => $"must match {text.Pattern}",
        RequiredAttribute => "is required",
        _ => null,
    };

    private static string Shown(object limit) =>
        limit is DateTime day ? day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)
        : Convert.ToString(limit, CultureInfo.InvariantCulture)!;
}
